import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import {
  AvailabilityWindow_BusinessModel,
  Title_Kind,
  TitleSchema,
} from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import {
  faultsFrom,
  faultsOf,
  fromDraft,
  isSame,
  newWindow,
  suggestName,
  type TitleDraft,
  toDraft,
} from "./title-draft.ts";

const NOTHING = { name: "", asset: "" };
const empty = (change: Partial<TitleDraft> = {}): TitleDraft => ({ ...toDraft(undefined, NOTHING), ...change });

describe("a title in the form", () => {
  it("comes back as it went in", () => {
    const title = {
      kind: Title_Kind.MOVIE,
      displayTitle: "The Keeper",
      synopsis: "A lamp.\nAnd the sea.",
      releaseYear: 1961,
      minimumAge: 12,
      originalLanguage: "pt-BR",
      genres: ["drama", "science fiction"],
      credits: [
        { role: "cast", displayName: "Ada Moll", character: "The Keeper" },
        { role: "director", displayName: "B. Rho", character: "" },
      ],
      availabilityWindows: [
        {
          startTime: { seconds: BigInt(Date.UTC(2026, 0, 31, 20, 15) / 1000), nanos: 0 },
          territories: ["US", "DE"],
          tiers: ["premium"],
          businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION,
        },
        { businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION },
      ],
      asset: "assets/0198",
      poster: "/images/0198/poster.jpg",
    };
    const before = create(TitleSchema, title);
    assert.deepEqual(create(TitleSchema, fromDraft(toDraft(before, NOTHING))), before);
  });

  it("is what people type, without what they do not mean", () => {
    const draft = empty({
      displayTitle: "  The Keeper ",
      genres: "Drama, , drama,Film Noir ",
      credits: "Ada Moll as The Keeper\n\nDirector: B. Rho",
      windows: [{ ...newWindow(), territories: "us, De,US" }],
    });
    const { displayTitle, genres, credits, availabilityWindows } = fromDraft(draft);
    assert.equal(displayTitle, "The Keeper");
    assert.deepEqual(genres, ["drama", "film noir"]);
    assert.deepEqual(credits, [
      { role: "cast", displayName: "Ada Moll", character: "The Keeper" },
      { role: "director", displayName: "B. Rho", character: "" },
    ]);
    assert.deepEqual(availabilityWindows, [
      { territories: ["US", "DE"], tiers: [], businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION },
    ]);
  });

  it("is the same draft whichever rows its windows are", () => {
    const draft = empty();
    assert.ok(isSame(draft, { ...draft, windows: draft.windows.map((window) => ({ ...window, id: window.id + 7 })) }));
    assert.ok(!isSame(draft, { ...draft, windows: [] }));
    assert.ok(!isSame(draft, { ...draft, synopsis: " " }));
  });

  it("is suggested a name by its file", () => {
    assert.deepEqual(["night_train-2.final.mkv", "ÉTÉ", ".mkv", "no.extension.here1234567"].map(suggestName), [
      "Night train 2 final",
      "ÉTÉ",
      "",
      "No extension here1234567",
    ]);
  });
});

describe("faults of a title in the form", () => {
  const at = (change: Partial<TitleDraft>) => [...faultsOf(empty({ displayTitle: "x", ...change })).keys()];

  it("are seen before it is sent", () => {
    assert.deepEqual(at({}), []);
    assert.deepEqual(at({ displayTitle: " " }), ["display_title"]);
    for (const releaseYear of ["1879", "2201", "1990.5", "soon"])
      assert.deepEqual(at({ releaseYear }), ["release_year"]);
    for (const minimumAge of ["-1", "22", "1.5"]) assert.deepEqual(at({ minimumAge }), ["minimum_age"]);
    assert.deepEqual(at({ originalLanguage: "english please" }), ["original_language"]);
    assert.deepEqual(at({ genres: "drama, 3d" }), ["genres"]);
    assert.deepEqual(at({ genres: Array.from({ length: 11 }, (_, index) => `g${index}`).join() }), ["genres"]);
    assert.deepEqual(at({ credits: "n".repeat(101) }), ["credits"]);
    assert.deepEqual(at({ credits: `${"n".repeat(100)} as ${"c".repeat(100)}` }), []);
    const window = { ...newWindow(), startTime: "2026-02-01T00:00", endTime: "2026-02-01T00:00", territories: "USA" };
    assert.deepEqual(at({ windows: [newWindow(), window] }), [
      "availability_windows[1].end_time",
      "availability_windows[1].territories",
    ]);
  });

  it("are shown where the form has the field, in its words where it has some", () => {
    const found = faultsFrom([
      { field: "title.display_title", description: "too long" },
      { field: "title.genres[3]", description: "does not match ^[a-z]$" },
      { field: "title.availability_windows[0]", description: "end before start" },
      { field: "title.availability_windows[2].territories[1]", description: "pattern" },
    ]);
    assert.equal(found.get("display_title"), "too long");
    assert.match(found.get("genres") ?? "", /^A genre has letters/);
    assert.match(found.get("availability_windows[0].end_time") ?? "", /end must be after/);
    assert.match(found.get("availability_windows[2].territories") ?? "", /two-letter/);
  });
});
