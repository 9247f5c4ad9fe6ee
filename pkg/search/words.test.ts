import assert from "node:assert/strict";
import { joinedWordsOf, wordsOf } from "./words.ts";

describe("words of a text", () => {
  it("have neither case, accents nor apostrophes", () => {
    assert.deepEqual(wordsOf("L’Été à Łódź: Straße 42!"), ["lete", "a", "lodz", "strasse", "42"]);
  });

  it("are found in scripts without spaces", () => {
    assert.deepEqual(wordsOf("東京物語 (1953)"), ["東京", "物語", "1953"]);
  });

  it("are none in punctuation", () => {
    assert.deepEqual(wordsOf(" '!?& \\ "), []);
  });

  it("that are hyphenated can be joined", () => {
    assert.deepEqual(joinedWordsOf("Spider-Man meets WALL-E, 2-3 - no"), ["spiderman", "walle", "23"]);
  });
});
