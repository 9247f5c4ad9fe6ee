import assert from "node:assert/strict";
import { newId, systemClock } from "#pkg/clock/clock";
import { type TestDb, testDb } from "#pkg/testkit/postgres";
import type { FilmGroup } from "../domain/film.ts";
import { Films } from "../films.ts";
import { type FilmFilter, listQuery, openFilmStore } from "./film-store.ts";
import { openTitleStore } from "./title-store.ts";

const COUNT = 10_000;
const PAGE = 50;

interface Plan {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Plan[];
}

describe("the list of films", () => {
  let test: TestDb;
  before(async () => {
    test = await testDb("catalog", new URL("../migrations/", import.meta.url));
    // One in a hundred has failed, a third has no title, each of a hundred owners has a hundred.
    await test.db.execute(
      `insert into films (id, asset_id, owner_id, stage, is_playable, title_state, search_text, created_at, updated_at)
       select gen_random_uuid(), gen_random_uuid(),
              ('00000000-0000-4000-8000-' || lpad((n % 100)::text, 12, '0'))::uuid,
              case when n % 100 = 0 then 'transcode_failed' when n % 50 = 1 then 'transcoding' else 'ready' end,
              n % 50 > 1,
              case when n % 3 = 0 then null when n % 3 = 1 then 'draft' else 'published' end,
              'film number ' || n || ' of ' || translate(md5(n::text), '0123456789', 'ghijklmnop'), now() - n * interval '1 minute', now()
       from generate_series(1, $1::integer) as n`,
      [COUNT],
    );
    await test.db.execute("vacuum analyze films");
  });
  after(() => test?.[Symbol.asyncDispose]());

  it("takes in titles that an earlier release left, once", async () => {
    const { db } = test;
    const [store, titles] = [openFilmStore(db), openTitleStore(db)];
    const films = new Films({ db, store, titles, clock: systemClock, keepAliveMs: 1000, streamsPerAccount: 1 });
    const id = newId();
    const assetId = newId();
    const fields = {
      ...{ displayTitle: "Older", synopsis: "", originalLanguage: "", releaseYear: 0, genres: [], credits: [] },
      ...{ minimumAge: 0, localizations: [], windows: [], assetId, poster: undefined },
    };
    await db.tx((tx) => titles.insert(tx, { id, kind: "movie", ...fields }, newId(), new Date()));
    assert.equal(await store.find(id, undefined), undefined);
    await films.listOlder();
    const listed = await store.find(id, undefined);
    assert.equal(listed?.titleId, id);
    assert.equal((await films.get(id, { ownerId: undefined })).status.stage, "unknown", "nobody told of its file yet");
    await films.listOlder();
    assert.deepEqual(await store.find(id, undefined), listed);
    await db.execute("delete from films where id = $1", [id]);
  });

  /** Rows that the database looked at to answer the first page, and the page after it. */
  async function rowsRead(filter: FilmFilter): Promise<{ readonly read: number; readonly found: number }> {
    const store = openFilmStore(test.db);
    const first = await store.list(filter, PAGE, undefined);
    const last = first.at(-1);
    let read = 0;
    for (const after of [undefined, last && { at: last.createdAt, id: last.id }]) {
      const { sql, params } = listQuery(filter, PAGE, after);
      const rows = await test.db.query<{ "QUERY PLAN": readonly [{ readonly Plan: Plan }] }>(
        `explain (analyze, format json) ${sql}`,
        params,
      );
      const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
      assert.ok(plan);
      read = Math.max(read, readBy(plan));
    }
    return { read, found: first.length };
  }

  const nobody = { ownerId: undefined, group: undefined, query: "" };
  const groups: readonly FilmGroup[] = ["in_progress", "failed", "untitled", "draft", "published"];

  for (const group of [undefined, ...groups]) {
    it(`reads no more rows of 10,000 than it shows: ${group ?? "all"}`, async () => {
      const { read, found } = await rowsRead({ ...nobody, group });
      assert.equal(found, PAGE);
      assert.ok(read <= 2 * PAGE, `${read} rows were read`);
    });
  }

  it("reads one owner's films by the owner's index", async () => {
    const owner = "00000000-0000-4000-8000-000000000000";
    const { read, found } = await rowsRead({ ...nobody, ownerId: owner });
    assert.equal(found, PAGE);
    assert.ok(read <= 2 * PAGE, `${read} rows were read`);
  });

  it("finds the one film that a name means by the index of names", async () => {
    const [row] = await test.db.query<{ word: string }>(
      "select left(split_part(search_text, ' ', 5), 12) as word from films where search_text like 'film number 7777 %'",
    );
    const { read, found } = await rowsRead({ ...nobody, query: `film ${row?.word}` });
    assert.equal(found, 1);
    assert.ok(read <= 2 * PAGE, `${read} rows were read`);
  });

  it("hands out every one of 10,000 films once", async () => {
    const store = openFilmStore(test.db);
    const seen = new Set<string>();
    let after: { at: Date; id: string } | undefined;
    for (;;) {
      const page = await store.list(nobody, 200, after);
      for (const { id } of page) seen.add(id);
      const last = page.at(-1);
      if (last === undefined) break;
      after = { at: last.createdAt, id: last.id };
    }
    assert.equal(seen.size, COUNT);
  });
});

/** Rows that the scans of a plan produced and threw away. */
function readBy(plan: Plan): number {
  const inner = (plan.Plans ?? []).reduce((sum, child) => sum + readBy(child), 0);
  const own = plan["Node Type"].includes("Scan") ? plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0) : 0;
  return inner + own * plan["Actual Loops"];
}
