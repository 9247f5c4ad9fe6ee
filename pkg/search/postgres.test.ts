import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { systemClock } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { describeSearchIndex } from "./conformance.ts";
import { migrationsFor, openSearchIndex } from "./open.ts";
import { openPostgresSearch } from "./postgres.ts";

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
    lose: async (index) => void (await db.execute("delete from indexes where name = $1", [index])),
    age: async (index) =>
      void (await db.execute("update generations set analyzer = analyzer - 1 where index_name = $1", [index])),
    expireRebuild: async (index) =>
      void (await db.execute("update generations set leased_until = now() where index_name = $1", [index])),
    countGenerations: async (index) =>
      (await db.query("select from generations where index_name = $1 and state <> 'dropped'", [index])).length,
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

  it("keeps a rebuild that lasts longer than its lease to whoever began it", async () => {
    const db = await deps.postgres();
    await using search = openPostgresSearch({ ...deps, db, leaseMs: 300 });
    await search.ensureIndex("films");
    const leaseOver = "select from generations where state = 'building' and leased_until > $1";
    async function* slow() {
      yield [{ id: "a", version: 1, title: "Slow", body: "", facets: {} }];
      const first = systemClock.now().getTime() + 300;
      await eventually("the lease was renewed, and would have run out", async () => {
        const renewed = await db.query(leaseOver, [new Date(first + 200)]);
        return systemClock.now().getTime() > first && renewed.length === 1;
      });
      await assert.rejects(
        search.rebuild("films", () => slow()),
        refused("SEARCH_REBUILD_RUNNING"),
      );
    }
    await search.rebuild("films", slow);
    assert.equal((await search.query("films", { text: "slow", limit: 10 })).hits.length, 1);
  });

  it("clears what it dropped, also what a process left that died", async () => {
    const db = await deps.postgres();
    await using search = await openSearchIndex("postgres:", { ...deps, postgres: async () => db });
    await search.ensureIndex("films");
    const documents = Array.from({ length: 6_000 }, (_, i) => ({
      id: `d${i}`,
      version: 1,
      title: `Word${i}`,
      body: "",
      facets: {},
    }));
    await search.put("films", documents);
    await db.execute(
      `insert into generations (id, index_name, state, analyzer, leased_until)
       values ('left', 'films', 'building', 1, now())`,
    );
    await db.execute("insert into documents (generation_id, id, version) values ('left', 'a', 1)");
    async function* one() {
      yield documents.slice(0, 1);
    }
    const serving = await search.rebuild("films", one);
    const kept = await db.query(
      `select (select json_agg(id) from generations) as generations, (select json_agg(id) from documents) as documents,
              (select json_agg(word) from vocabulary) as words`,
    );
    assert.deepEqual(kept, [{ generations: [serving], documents: ["d0"], words: ["word0"] }]);
    await db.execute(
      "insert into generations (id, index_name, state, analyzer) values ('left', 'films', 'dropped', 1)",
    );
    await using next = await openSearchIndex("postgres:", { ...deps, postgres: async () => db });
    await next.ensureIndex("films");
    assert.deepEqual(await db.query("select id from generations"), [{ id: serving }]);
  });

  it("takes what an earlier release kept as the first generation", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-search-"));
    const file = (name: string) => new URL(`./migrations/${name}`, import.meta.url);
    try {
      await copyFile(file("0001_documents.sql"), join(folder, "0001_documents.sql"));
      const { db } = await testDb("port-search", [{ source: "search", directory: pathToFileURL(`${folder}/`) }]);
      await db.execute("insert into indexes (name) values ('films')");
      await db.execute(
        `insert into documents (index_name, id, version, plain_title, words)
         values ('films', 'a', 3, 'matrix', 'matrix:1A'::tsvector)`,
      );
      await db.execute("insert into vocabulary (index_name, word) values ('films', 'matrix')");
      await db.execute(await readFile(file("0002_generations.sql"), "utf8"));
      await using search = await openSearchIndex("postgres:", { ...deps, postgres: async () => db });
      assert.deepEqual(await search.ensureIndex("films"), { id: "films", isOutdated: false });
      await search.put("films", [{ id: "a", version: 2, title: "Older", body: "", facets: {} }]);
      const { hits } = await search.query("films", { text: "matirx", limit: 10 });
      assert.deepEqual(
        hits.map(({ id }) => id),
        ["a"],
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is refused where no adapter knows the URL", async () => {
    await assert.rejects(openSearchIndex("gopher://x", deps), refused("SEARCH_URL_UNKNOWN"));
  });
});
