import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { type Film, FilmSchema } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { withChange } from "./films.ts";

describe("the studio's list with a change", () => {
  const film = (name: string, made: number, updated = made): Film =>
    create(FilmSchema, { name, createTime: { seconds: BigInt(made) }, updateTime: { seconds: BigInt(updated) } });
  const [old, mid, young] = [film("old", 1), film("mid", 5), film("young", 9)];
  const names = (films: readonly Film[] | undefined) => films?.map(({ name }) => name);
  const change = (film: Film | undefined, gone = "") => ({ film, gone });

  it("shows a film as it is now, and no older news of it", () => {
    const newer = film("mid", 5, 7);
    assert.equal(withChange([young, mid, old], change(newer), true, true)?.[1], newer);
    assert.equal(withChange([young, newer, old], change(mid), true, true)?.[1], newer);
  });

  it("puts a new one where its age belongs", () => {
    assert.deepEqual(names(withChange([mid, old], change(young), true, false)), ["young", "mid", "old"]);
    assert.deepEqual(names(withChange([young, old], change(mid), true, false)), ["young", "mid", "old"]);
  });

  it("leaves one that is older than all for the page that it comes with, unless there is none", () => {
    assert.deepEqual(names(withChange([young, mid], change(old), true, false)), ["young", "mid"]);
    assert.deepEqual(names(withChange([young, mid], change(old), true, true)), ["young", "mid", "old"]);
  });

  it("leaves out what is gone", () => {
    assert.deepEqual(names(withChange([young, mid], change(undefined, "mid"), true, true)), ["young"]);
  });

  it("asks the service whether a new one belongs under a filter, and knows those that are there", () => {
    assert.equal(withChange([mid], change(young), false, true), undefined);
    assert.deepEqual(names(withChange([mid], change(film("mid", 5, 8)), false, true)), ["mid"]);
  });
});
