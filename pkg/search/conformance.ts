/** What every search adapter must keep, one case per promise of the port. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import type { SearchDocument, SearchIndex, SearchQuery, SearchResult } from "./search.ts";

export interface SearchIndexUnderTest {
  readonly search: SearchIndex;
  /** Has the engine forget what it deleted, as it does by itself after a while. */
  readonly forgetDeleted: (index: string) => Promise<void>;
}

/**
 * Every case has a fresh index. A write is awaited by polling, never expected at once; scores are compared only where
 * the port promises an order.
 */
export function describeSearchIndex(name: string, open: () => Promise<SearchIndexUnderTest>): void {
  describe(`search: ${name}`, () => {
    let search: SearchIndex;
    let forgetDeleted: SearchIndexUnderTest["forgetDeleted"];
    let index: string;

    before(async () => {
      ({ search, forgetDeleted } = await open());
    });
    after(() => search[Symbol.asyncDispose]());
    beforeEach(async () => {
      index = `conformance-${randomUUID()}`;
      await search.ensureIndex(index);
    });

    function documentOf(id: string, title: string, more: Partial<SearchDocument> = {}): SearchDocument {
      return { id, version: 1, title, body: "", facets: {}, ...more };
    }

    const query = (text: string, more: Partial<SearchQuery> = {}) => search.query(index, { text, limit: 100, ...more });
    const idsOf = (result: SearchResult) => result.hits.map((hit) => hit.id);

    /** Puts and waits until the whole index has that many documents. */
    async function fill(documents: readonly SearchDocument[]): Promise<void> {
      await search.put(index, documents);
      await eventually("the documents are visible", async () => (await query("")).hits.length >= documents.length);
    }

    async function untilFound(text: string, ids: readonly string[]): Promise<void> {
      await eventually(`"${text}" finds ${ids.join(", ") || "nothing"}`, async () => {
        const found = idsOf(await query(text)).sort();
        return JSON.stringify(found) === JSON.stringify([...ids].sort());
      });
    }

    it("finds a document by any word of its title or body, whatever its case and accents", async () => {
      await fill([
        documentOf("a", "Le Fabuleux Destin d'Amélie Poulain", { body: "A waitress in Montmartre" }),
        documentOf("b", "Das Boot", { body: "Ein U-Boot im Atlantik" }),
      ]);
      for (const text of ["amelie", "AMÉLIE", "poulain fabuleux", "montmartre", "Waitress"])
        await untilFound(text, ["a"]);
      await untilFound("atlantik", ["b"]);
      await untilFound("zeppelin", []);
    });

    it("wants every word of the text", async () => {
      await fill([documentOf("a", "Blue Velvet"), documentOf("b", "Blue Thunder")]);
      await untilFound("blue", ["a", "b"]);
      await untilFound("blue velvet", ["a"]);
    });

    it("finds by the beginning of the last word, as one types", async () => {
      await fill([documentOf("a", "The Shawshank Redemption")]);
      for (const text of ["sh", "shaw", "the shawsh", "shawshank red"]) await untilFound(text, ["a"]);
    });

    it("finds a word with one wrong, missing, added or swapped letter, and a long one with two", async () => {
      await fill([documentOf("a", "Alien"), documentOf("b", "The Matrix"), documentOf("c", "Casablanca")]);
      for (const text of ["alein", "alian", "alin ", "allien"]) await untilFound(text, ["a"]);
      await untilFound("matirx", ["b"]);
      for (const text of ["casablanka", "kasablanka", "cazablunca"]) await untilFound(text, ["c"]);
    });

    it("puts an exact title before a match in the body", async () => {
      await fill([
        documentOf("body", "Making of a classic", { body: "Heat heat heat: how heat came to be heat" }),
        documentOf("title", "Heat", { body: "A thief and a detective" }),
        documentOf("longer", "In the Heat of the Night"),
      ]);
      assert.equal(idsOf(await query("heat"))[0], "title");
    });

    it("puts an exact title first, however long it is, misspelt, or without its article", async () => {
      const long = "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb";
      await fill([
        documentOf("boats", "Paper Boat, Paper Sail, Paper Sea: The Story of Every Paper Boat of the Paper Fleet"),
        documentOf("stories", "Paper Boat Stories and Other Tales"),
        documentOf("boat", "The Paper Boat"),
        documentOf("remake", `${long}: Worrying, Bomb, Love and How It Was Made, and Stop`),
        documentOf("bomb", long),
      ]);
      for (const text of ["the paper boat", "paper boat", "papr boat", "The paper boa"]) {
        assert.equal(idsOf(await query(text))[0], "boat", text);
      }
      assert.equal(idsOf(await query(long))[0], "bomb");
    });

    it("matches everything with an empty text", async () => {
      await fill([documentOf("a", "One"), documentOf("b", "Two")]);
      assert.deepEqual(idsOf(await query("")).sort(), ["a", "b"]);
      assert.deepEqual(idsOf(await query("  ")).sort(), ["a", "b"]);
    });

    it("finds titles in scripts without spaces", async () => {
      await fill([documentOf("a", "東京物語"), documentOf("b", "Москва слезам не верит")]);
      await untilFound("東京", ["a"]);
      await untilFound("москва", ["b"]);
    });

    it("takes any text as words, never as a query language", async () => {
      await fill([documentOf("a", "Q&A: who's (not) here?")]);
      for (const text of ["q&a", "who's", "(not)", "here? OR", "'", "\\", "a:* | b", "!!", "%", '"', "<->"])
        await query(text);
      await untilFound("whos here", ["a"]);
    });

    describe("facets", () => {
      beforeEach(() =>
        fill([
          documentOf("a", "Night Train", { facets: { genre: ["drama", "crime"], language: ["en"] } }),
          documentOf("b", "Night Bus", { facets: { genre: ["comedy"], language: ["en", "de"] } }),
          documentOf("c", "Day Train", { facets: { genre: ["drama"], language: ["de"] } }),
        ]),
      );

      it("filter by one of several values, and by every facet that is named", async () => {
        assert.deepEqual(idsOf(await query("", { filters: { genre: ["crime", "comedy"] } })).sort(), ["a", "b"]);
        assert.deepEqual(idsOf(await query("", { filters: { genre: ["drama"], language: ["de"] } })), ["c"]);
        assert.deepEqual(idsOf(await query("night", { filters: { genre: ["drama"] } })), ["a"]);
        assert.deepEqual(idsOf(await query("", { filters: { genre: ["dra"] } })), []);
      });

      it("are counted over all that matches, not over the page", async () => {
        const { facetCounts, hits } = await query("train", { countFacets: ["genre", "language", "mood"], limit: 1 });
        assert.equal(hits.length, 1);
        assert.deepEqual(facetCounts.genre, [
          { value: "drama", count: 2 },
          { value: "crime", count: 1 },
        ]);
        assert.deepEqual(
          [...(facetCounts.language ?? [])].sort((a, b) => (a.value < b.value ? -1 : 1)),
          [
            { value: "de", count: 1 },
            { value: "en", count: 1 },
          ],
        );
        assert.deepEqual(facetCounts.mood, []);
      });
    });

    it("hands out every hit once over pages, best first, and no cursor on the last", async () => {
      await fill(
        Array.from({ length: 25 }, (_, i) =>
          documentOf(`d${i}`, i % 5 === 0 ? "Storm" : `Quiet day ${i}`, { body: "storm" }),
        ),
      );
      const seen: { id: string; score: number }[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        const result: SearchResult = await query("storm", { limit: 7, ...(cursor !== undefined && { cursor }) });
        assert.ok(result.hits.length <= 7);
        seen.push(...result.hits);
        cursor = result.cursor;
        pages += 1;
      } while (cursor !== undefined);
      assert.equal(pages, 4);
      assert.equal(new Set(seen.map((hit) => hit.id)).size, 25);
      assert.deepEqual(
        seen.map((hit) => hit.score),
        seen.map((hit) => hit.score).sort((a, b) => b - a),
      );
    });

    it("replaces a document by a newer version, in any order of arrival", async () => {
      await fill([documentOf("a", "Third title", { version: 3 })]);
      await search.put(index, [documentOf("a", "Second title", { version: 2 }), documentOf("marker", "Marker")]);
      await untilFound("marker", ["marker"]);
      await untilFound("third", ["a"]);
      await untilFound("second", []);
      await search.put(index, [documentOf("a", "Fourth title", { version: 4 })]);
      await untilFound("fourth", ["a"]);
      await untilFound("third", []);
    });

    it("does nothing for a write with the version that is there, whether it is a document or its removal", async () => {
      await fill([documentOf("a", "First", { version: 3 }), documentOf("b", "Kept", { version: 3 })]);
      await search.put(index, [documentOf("a", "Other", { version: 3 }), documentOf("marker", "Marker")]);
      await search.remove(index, [{ id: "b", version: 3 }]);
      await untilFound("marker", ["marker"]);
      await untilFound("first", ["a"]);
      await untilFound("other", []);
      await untilFound("kept", ["b"]);
      await search.remove(index, [{ id: "a", version: 4 }]);
      await untilFound("first", []);
      await search.put(index, [documentOf("a", "Back", { version: 4 }), documentOf("marker2", "Second marker")]);
      await untilFound("second marker", ["marker2"]);
      await untilFound("back", []);
    });

    it("remembers a removal for longer than the engine remembers what it deletes", async () => {
      await fill([documentOf("a", "Gone", { version: 5 })]);
      await search.remove(index, [
        { id: "a", version: 6 },
        { id: "never", version: 6 },
      ]);
      await untilFound("gone", []);
      await forgetDeleted(index);
      const late = [documentOf("a", "Gone", { version: 5 }), documentOf("never", "Gone too", { version: 5 })];
      await search.put(index, [...late, documentOf("marker", "Marker")]);
      await untilFound("marker", ["marker"]);
      await untilFound("gone", []);
    });

    it("takes the same put twice", async () => {
      await fill([documentOf("a", "Twice")]);
      await search.put(index, [documentOf("a", "Twice")]);
      await untilFound("twice", ["a"]);
    });

    it("does not bring a removed document back with an older put that arrives later", async () => {
      await fill([documentOf("a", "Gone", { version: 5 })]);
      await search.remove(index, [{ id: "a", version: 6 }]);
      await untilFound("gone", []);
      await search.put(index, [documentOf("a", "Gone", { version: 5 }), documentOf("marker", "Marker")]);
      await untilFound("marker", ["marker"]);
      await untilFound("gone", []);
      await search.put(index, [documentOf("a", "Gone no more", { version: 7 })]);
      await untilFound("gone", ["a"]);
    });

    it("removes what is not there without an error, and remembers it", async () => {
      await search.remove(index, [{ id: "never", version: 3 }]);
      await search.put(index, [documentOf("never", "Late news", { version: 2 }), documentOf("marker", "Marker")]);
      await untilFound("marker", ["marker"]);
      await untilFound("late", []);
    });

    it("keeps indexes apart, and makes the same one twice without an error", async () => {
      const other = `conformance-${randomUUID()}`;
      await search.ensureIndex(other);
      await search.ensureIndex(other);
      await fill([documentOf("a", "Here")]);
      assert.deepEqual((await search.query(other, { text: "here", limit: 10 })).hits, []);
    });

    it("says that there is no such index", async () => {
      const missing = (error: unknown) => isAppError(error, "SEARCH_INDEX_NOT_FOUND");
      await assert.rejects(search.query("no-such-index", { text: "", limit: 1 }), missing);
      await assert.rejects(search.put("no-such-index", [documentOf("a", "A")]), missing);
    });

    it("refuses what another index could not hold", async () => {
      const refused = (error: unknown) => isAppError(error, "SEARCH_ARGUMENT_INVALID");
      await assert.rejects(search.put(index, [documentOf("no spaces", "A")]), refused);
      await assert.rejects(search.put(index, [documentOf("a", "x".repeat(501))]), refused);
      await assert.rejects(query("x".repeat(201)), refused);
      await assert.rejects(query("x", { limit: 101 }), refused);
      await assert.rejects(query("x", { cursor: "garbage" }), refused);
      await assert.rejects(search.ensureIndex("No_Such"), refused);
    });

    it("holds a body of 100,000 characters and finds its last word", async () => {
      const body = `${Array.from({ length: 11_000 }, (_, i) => `word${i % 3000}`)
        .join(" ")
        .slice(0, 99_980)} finalword`;
      await fill([documentOf("a", "Long", { body })]);
      await untilFound("finalword", ["a"]);
    });
  });
}
