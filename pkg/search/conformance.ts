/** What every search adapter must keep, one case per promise of the port. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { eventually } from "#pkg/testkit/eventually";
import { refused } from "#pkg/testkit/refused";
import type { SearchDocument, SearchIndex, SearchQuery, SearchResult } from "./search.ts";

export interface SearchIndexUnderTest {
  readonly search: SearchIndex;
  /** Has the engine forget what it deleted, as it does by itself after a while. */
  readonly forgetDeleted: (index: string) => Promise<void>;
  /** Takes the index away behind the adapter's back, as a new machine or a careless hand does. */
  readonly lose: (index: string) => Promise<void>;
  /** Has what is in the index be of an older release of the adapter's way with words. */
  readonly age: (index: string) => Promise<void>;
  /** Has whoever rebuilds the index be silent for too long. */
  readonly expireRebuild: (index: string) => Promise<void>;
  /** How many generations of the index the engine keeps, and is not about to drop. */
  readonly countGenerations: (index: string) => Promise<number>;
}

/**
 * Every case has a fresh index. A write is awaited by polling, never expected at once; scores are compared only where
 * the port promises an order.
 */
export function describeSearchIndex(name: string, open: () => Promise<SearchIndexUnderTest>): void {
  describe(`search: ${name}`, () => {
    let tested: SearchIndexUnderTest;
    let search: SearchIndex;
    let index: string;

    before(async () => {
      tested = await open();
      ({ search } = tested);
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
      await tested.forgetDeleted(index);
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
      const missing = refused("SEARCH_INDEX_NOT_FOUND");
      await assert.rejects(search.query("no-such-index", { text: "", limit: 1 }), missing);
      await assert.rejects(search.put("no-such-index", [documentOf("a", "A")]), missing);
      await assert.rejects(search.remove("no-such-index", [{ id: "a", version: 1 }]), missing);
      await assert.rejects(
        search.rebuild("no-such-index", () => batches([])),
        missing,
      );
    });

    describe("generations", () => {
      const current = async () => (await search.ensureIndex(index)).id;
      const all = async () => idsOf(await query("")).sort();

      it("are named by ids, which stay until the index is rebuilt", async () => {
        const first = await current();
        assert.match(first, /^[A-Za-z0-9._-]{1,64}$/);
        await fill([documentOf("a", "One")]);
        assert.deepEqual(await search.ensureIndex(index), { id: first, isOutdated: false });
        let told = "";
        const second = await search.rebuild(index, (generation) => {
          told = generation;
          return batches([]);
        });
        assert.notEqual(second, first);
        assert.deepEqual([told, await search.ensureIndex(index)], [second, { id: second, isOutdated: false }]);
      });

      it("tell an index that was lost from the one that is made in its place", async () => {
        const first = await current();
        await fill([documentOf("a", "One")]);
        await tested.lose(index);
        await assert.rejects(query(""), refused("SEARCH_INDEX_NOT_FOUND"));
        await assert.rejects(search.put(index, [documentOf("a", "One")]), refused("SEARCH_INDEX_NOT_FOUND"));
        const second = await current();
        assert.notEqual(second, first);
        assert.deepEqual([await current(), await all()], [second, []]);
        await fill([documentOf("a", "One")]);
      });

      it("say that an older release filled them, and answer all the same", async () => {
        await fill([documentOf("a", "One")]);
        await tested.age(index);
        assert.equal((await search.ensureIndex(index)).isOutdated, true);
        assert.deepEqual(await all(), ["a"]);
        await search.rebuild(index, () => batches([documentOf("a", "One")]));
        assert.equal((await search.ensureIndex(index)).isOutdated, false);
      });

      it("change in one step: queries see the old one whole, then all of the new one, and never another", async () => {
        const old = Array.from({ length: 30 }, (_, i) => documentOf(`old${i}`, "Storm", { facets: { age: ["old"] } }));
        await fill(old);
        let isOver = false;
        const seen: string[] = [];
        const looking = (async () => {
          while (!isOver) {
            const { hits, facetCounts } = await query("storm", { countFacets: ["age"] });
            const ids = hits.map(({ id }) => id.replace(/\d+$/, ""));
            seen.push([...new Set(ids), ids.length, ...(facetCounts.age ?? []).flatMap(Object.values)].join(" "));
          }
        })();
        async function* fresh() {
          for (let i = 0; i < 10; i++) {
            yield Array.from({ length: 5 }, (_, j) =>
              documentOf(`new${i * 5 + j}`, "Storm", { facets: { age: ["new"] } }),
            );
          }
          const before = seen.length;
          await eventually("the whole new one is looked for while it does not answer", () => seen.length > before + 2);
        }
        await search.rebuild(index, fresh);
        assert.equal((await query("storm")).hits.length, 50, "all of it can be found as soon as it answers");
        isOver = true;
        await looking;
        const steps = seen.filter((one, place) => one !== seen[place - 1]);
        assert.ok(["old 30 old 30", "old 30 old 30,new 50 new 50"].includes(steps.join()), steps.join());
        assert.equal(await tested.countGenerations(index), 1, "the old one is dropped");
      });

      it("both get what is written during a rebuild, and versions decide in the new one too", async () => {
        await fill([
          documentOf("changed", "Before", { version: 1 }),
          documentOf("removed", "Before", { version: 1 }),
          documentOf("kept", "Before", { version: 5 }),
        ]);
        async function* stale() {
          await search.put(index, [
            documentOf("changed", "After", { version: 2 }),
            documentOf("added", "After", { version: 1 }),
          ]);
          await search.remove(index, [{ id: "removed", version: 2 }]);
          await untilFound("after", ["changed", "added"]);
          await untilFound("before", ["kept"]);
          // as they were read before those writes
          yield [documentOf("changed", "Before", { version: 1 }), documentOf("removed", "Before", { version: 1 })];
          yield [documentOf("kept", "Before", { version: 5 })];
          await search.put(index, [documentOf("kept", "Older", { version: 4 })]);
        }
        await search.rebuild(index, stale);
        await untilFound("after", ["changed", "added"]);
        await untilFound("before", ["kept"]);
        await search.put(index, [
          documentOf("removed", "Late", { version: 1 }),
          documentOf("changed", "Late", { version: 1 }),
          documentOf("marker", "Marker"),
        ]);
        await untilFound("marker", ["marker"]);
        await untilFound("late", []);
      });

      it("hand on what was removed before the rebuild, and nothing else", async () => {
        await fill([documentOf("removed", "Gone", { version: 5 }), documentOf("orphan", "Orphan")]);
        await search.remove(index, [{ id: "removed", version: 6 }]);
        await search.rebuild(index, () => batches([documentOf("removed", "Gone", { version: 5 })]));
        await search.put(index, [documentOf("removed", "Gone", { version: 5 }), documentOf("marker", "Marker")]);
        await untilFound("marker", ["marker"]);
        assert.deepEqual(await all(), ["marker"]);
        await search.put(index, [documentOf("removed", "Back", { version: 7 })]);
        await untilFound("back", ["removed"]);
      });

      it("stay as they are where a rebuild fails, which throws what failed and leaves nothing", async () => {
        const first = await current();
        await fill([documentOf("a", "One")]);
        const failure = new Error("the rows cannot be read");
        async function* failing() {
          yield [documentOf("b", "Two")];
          throw failure;
        }
        await assert.rejects(search.rebuild(index, failing), (error) => error === failure);
        const unfit = () => batches([documentOf("no spaces", "Three")]);
        await assert.rejects(search.rebuild(index, unfit), refused("SEARCH_ARGUMENT_INVALID"));
        assert.deepEqual([await current(), await all()], [first, ["a"]]);
        assert.equal(await tested.countGenerations(index), 1);
        await search.rebuild(index, () => batches([documentOf("c", "Four")]));
        assert.deepEqual(await all(), ["c"]);
      });

      it("are rebuilt by one at a time", async () => {
        await fill([documentOf("a", "One")]);
        const other = `conformance-${randomUUID()}`;
        await search.ensureIndex(other);
        async function* first() {
          yield [documentOf("b", "Two")];
          const second = search.rebuild(index, () => batches([documentOf("c", "Three")]));
          await assert.rejects(second, refused("SEARCH_REBUILD_RUNNING"));
          await search.rebuild(other, () => batches([documentOf("d", "Another index is free")]));
        }
        await search.rebuild(index, first);
        assert.deepEqual(await all(), ["b"]);
      });

      it("are rebuilt by the next where whoever began is silent, and not by both", async () => {
        await fill([documentOf("a", "One")]);
        let second = "";
        async function* silent() {
          yield [documentOf("b", "Two")];
          await tested.expireRebuild(index);
          second = await search.rebuild(index, () => batches([documentOf("c", "Three")]));
          yield [documentOf("d", "Four")];
        }
        await assert.rejects(search.rebuild(index, silent), refused("SEARCH_REBUILD_LOST"));
        assert.deepEqual([await current(), await all()], [second, ["c"]]);
        async function* silentAtTheEnd() {
          yield [documentOf("e", "Five")];
          await tested.expireRebuild(index);
          await search.rebuild(index, () => batches([documentOf("f", "Six")]));
        }
        await assert.rejects(search.rebuild(index, silentAtTheEnd), refused("SEARCH_REBUILD_LOST"));
        assert.deepEqual(await all(), ["f"]);
        assert.equal(await tested.countGenerations(index), 1);
      });

      it("do not get in the way of one that was lost while it was rebuilt", async () => {
        async function* losing() {
          yield [documentOf("a", "One")];
          await tested.lose(index);
          await search.ensureIndex(index);
        }
        await assert.rejects(search.rebuild(index, losing), refused("SEARCH_REBUILD_LOST"));
        assert.deepEqual(await all(), []);
      });

      it("take a cursor of the one before", async () => {
        const documents = Array.from({ length: 10 }, (_, i) => documentOf(`d${i}`, `Storm ${i}`));
        await fill(documents);
        const { cursor } = await query("storm", { limit: 5 });
        assert.ok(cursor !== undefined);
        await search.rebuild(index, () => batches(documents));
        const { hits } = await query("storm", { limit: 5, cursor });
        assert.ok(hits.length > 0);
      });
    });

    it("refuses what another index could not hold", async () => {
      const invalid = refused("SEARCH_ARGUMENT_INVALID");
      await assert.rejects(search.put(index, [documentOf("no spaces", "A")]), invalid);
      await assert.rejects(search.put(index, [documentOf("a", "x".repeat(501))]), invalid);
      await assert.rejects(query("x".repeat(201)), invalid);
      await assert.rejects(query("x", { limit: 101 }), invalid);
      await assert.rejects(query("x", { cursor: "garbage" }), invalid);
      await assert.rejects(search.ensureIndex("No_Such"), invalid);
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

async function* batches(documents: readonly SearchDocument[]): AsyncGenerator<readonly SearchDocument[]> {
  for (const document of documents) yield [document];
}
