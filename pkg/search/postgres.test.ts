import assert from "node:assert/strict";
import { systemClock } from "#pkg/clock/clock";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { describeSearchIndex } from "./conformance.ts";
import { migrationsFor, openSearchIndex } from "./open.ts";

const deps = {
  postgres: async () => (await testDb("port-search", migrationsFor("postgres:"))).db,
  clock: systemClock,
  log: quietLog,
};

describeSearchIndex("postgres", async () => {
  const db = await deps.postgres();
  return {
    search: await openSearchIndex("postgres:", { ...deps, postgres: async () => db }),
    forgetDeleted: async () => void (await db.execute("vacuum documents", [])),
  };
});

describe("the search index in PostgreSQL", () => {
  it("finds a short word whose wrong letters leave no trigram in common", async () => {
    await using search = await openSearchIndex("postgres:", deps);
    await search.ensureIndex("films");
    await search.put("films", [{ id: "a", version: 1, title: "Matrix", body: "", facets: {} }]);
    const { hits } = await search.query("films", { text: "mbtrqx", limit: 10 });
    assert.deepEqual(
      hits.map((hit) => hit.id),
      ["a"],
    );
  });

  it("finds a hyphenated word written as one", async () => {
    await using search = await openSearchIndex("postgres:", deps);
    await search.ensureIndex("films");
    await search.put("films", [{ id: "a", version: 1, title: "Spider-Man", body: "", facets: {} }]);
    assert.equal((await search.query("films", { text: "spiderman", limit: 10 })).hits.length, 1);
  });

  it("is refused where no adapter knows the URL", async () => {
    await assert.rejects(openSearchIndex("gopher://x", deps), refused("SEARCH_URL_UNKNOWN"));
  });
});
