import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { type Film, Film_Stage, FilmSchema } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { Job_State, JobSchema } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { filmName, isPublished, stageWords } from "./stage.ts";

describe("where a film is, in words", () => {
  const film = (stage: Film_Stage, more: Partial<Pick<Film, "isPlayable" | "reason">> = {}) =>
    create(FilmSchema, { stage, ...more });
  const job = (state: Job_State) => create(JobSchema, { state });

  it("has a word of its own for every stage", () => {
    const stages = Object.values(Film_Stage).filter((stage) => typeof stage === "number");
    const known = stages.filter((stage) => stage !== Film_Stage.UNSPECIFIED && stage !== Film_Stage.WAITING);
    const texts = known.map((stage) => stageWords(film(stage), undefined).text);
    assert.equal(new Set(texts).size, texts.length);
    assert.ok(!texts.includes("Film not known"));
    assert.equal(stageWords(film(999 as Film_Stage), undefined).text, "Film not known", "of a later release");
  });

  it("tells what is queued from what is worked at, and what may be watched already", () => {
    const { TRANSCODING } = Film_Stage;
    assert.equal(stageWords(film(TRANSCODING), job(Job_State.QUEUED)).text, "Queued");
    assert.equal(stageWords(film(TRANSCODING), job(Job_State.RUNNING)).text, "Transcoding");
    assert.equal(
      stageWords(film(TRANSCODING, { isPlayable: true }), job(Job_State.RUNNING)).text,
      "Playable, more to come",
    );
  });

  it("says that it waits, and for space where it is that, but not of what has ended", () => {
    const waiting = create(JobSchema, { state: Job_State.RUNNING, waiting: { reason: "OUT_OF_SPACE" } });
    assert.equal(stageWords(film(Film_Stage.TRANSCODING), waiting).text, "Waiting for space");
    assert.equal(stageWords(film(Film_Stage.WAITING, { reason: "DATABASE_UNAVAILABLE" }), undefined).text, "Waiting");
    assert.equal(stageWords(film(Film_Stage.READY), waiting).text, "Ready");
  });

  it("calls it by its title, else by its file", () => {
    const asset = { fileName: "train.mkv" };
    assert.equal(filmName(create(FilmSchema, { asset, title: { displayTitle: "Night Train" } })), "Night Train");
    assert.equal(filmName(create(FilmSchema, { asset })), "train.mkv");
    assert.equal(isPublished(create(FilmSchema, { title: { state: Title_State.PUBLISHED } })), true);
    assert.equal(isPublished(create(FilmSchema, { asset })), false);
  });
});
