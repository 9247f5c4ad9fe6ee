import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { type HomeItem, HomeItemSchema } from "@matinee/sdk/gen/matinee/catalog/v1/home_pb";
import { pickHero } from "./hero.ts";

describe("the film that the home page shows large", () => {
  const item = (name: string, more: { readonly pictures?: number; readonly seconds?: number } = {}): HomeItem =>
    create(HomeItemSchema, {
      title: { name, artworks: Array.from({ length: more.pictures ?? 0 }, () => ({})) },
      ...(more.seconds === undefined ? {} : { resumePosition: { seconds: BigInt(more.seconds) } }),
    });
  const chosen = (...items: readonly HomeItem[]) => pickHero(items)?.title?.name;

  it("is what was half seen, wherever it stands", () => {
    assert.equal(chosen(item("new", { pictures: 1 }), item("half", { seconds: 60 })), "half");
    assert.equal(chosen(item("new", { pictures: 1 }), item("begun", { seconds: 0 })), "new");
  });

  it("is else the first that has a picture, and else the first", () => {
    assert.equal(chosen(item("bare"), item("pictured", { pictures: 2 }), item("other", { pictures: 1 })), "pictured");
    assert.equal(chosen(item("bare"), item("bare too")), "bare");
  });

  it("is none where there is none", () => {
    assert.equal(chosen(), undefined);
    assert.equal(chosen(create(HomeItemSchema, {})), undefined);
  });
});
