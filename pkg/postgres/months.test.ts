import assert from "node:assert/strict";
import { newId } from "#pkg/clock/clock";
import { type TestDb, testDb } from "#pkg/testkit/postgres";
import { keepMonths } from "./months.ts";

const DAY_MS = 86_400_000;

describe("a table by months", () => {
  let test: TestDb;
  let db: TestDb["db"];

  beforeEach(async () => {
    test = await testDb("months");
    db = test.db;
    await db.execute(
      `create table facts (id uuid not null, at timestamptz not null, what text not null check (what <> ''),
         primary key (at, id)) partition by range (at)`,
    );
    await db.execute("create index facts_what on facts (what, at desc)");
    await db.execute("create table facts_default partition of facts default");
  });
  afterEach(() => test[Symbol.asyncDispose]());

  const keep = (now: string, retentionDays = 400) =>
    keepMonths(db, { table: "facts", column: "at", now: new Date(now), retentionMs: retentionDays * DAY_MS });
  const add = (at: string) => db.execute("insert into facts values ($1, $2, 'x')", [newId(), at]);
  const placed = async () => {
    const rows = await db.query<{ at: Date; place: string }>(
      "select at, tableoid::regclass::text as place from facts order by at",
    );
    return rows.map(({ at, place }) => `${at.toISOString()} ${place}`);
  };

  it("has its partitions before they are needed, and makes none twice", async () => {
    assert.deepEqual((await keep("2026-11-27T00:00:00Z")).made, ["facts_2026_11", "facts_2026_12", "facts_2027_01"]);
    assert.deepEqual(await keep("2026-11-30T23:59:59Z"), { made: [], dropped: [] });
    assert.deepEqual((await keep("2026-12-01T00:00:00Z")).made, ["facts_2027_02"]);
    for (const at of ["2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"]) await add(at);
    assert.deepEqual(await placed(), [
      "2026-12-31T23:59:59.999Z facts_2026_12",
      "2027-01-01T00:00:00.000Z facts_2027_01",
    ]);
    await assert.rejects(db.execute("insert into facts values ($1, '2026-12-05', '')", [newId()]), /what/);
  });

  it("moves the rows that were there before it had any", async () => {
    const times = ["2025-12-31T23:59:59.000Z", "2026-10-01T00:00:00.000Z", "2026-10-09T12:00:00.000Z"];
    for (const at of [...times, "2026-11-27T12:00:00.000Z"]) await add(at);
    await keep("2026-11-27T13:00:00Z");
    assert.deepEqual(await placed(), [
      "2025-12-31T23:59:59.000Z facts_2025_12",
      "2026-10-01T00:00:00.000Z facts_2026_10",
      "2026-10-09T12:00:00.000Z facts_2026_10",
      "2026-11-27T12:00:00.000Z facts_2026_11",
    ]);
  });

  it("drops a month as soon as all of it is older than the retention, and not before", async () => {
    for (const at of ["2026-09-15T00:00:00.000Z", "2026-10-30T00:00:00.000Z"]) await add(at);
    await keep("2026-11-01T00:00:00Z", 100);
    assert.deepEqual((await keep("2026-11-29T00:00:00Z", 30)).dropped, ["facts_2026_09"]);
    assert.deepEqual(await placed(), ["2026-10-30T00:00:00.000Z facts_2026_10"]);
    assert.deepEqual((await keep("2026-12-01T00:00:00Z", 30)).dropped, ["facts_2026_10"]);
    assert.deepEqual(await placed(), []);
  });

  it("makes no partition for rows that are too old already, and keeps none of them", async () => {
    await add("2020-01-15T00:00:00.000Z");
    const { made } = await keep("2026-11-27T00:00:00Z", 30);
    assert.ok(!made.includes("facts_2020_01"));
    assert.deepEqual(await placed(), []);
  });

  it("is kept by several processes at once, while rows come", async () => {
    let isKept = false;
    const adding = (async () => {
      let count = 0;
      for (; !isKept || count < 40; count += 4) {
        const days = [0, 10, 20, 30].map((day) => new Date(Date.UTC(2026, 10, day, 0, 0, count)));
        await Promise.all(days.map((at) => add(at.toISOString())));
      }
      return count;
    })();
    await Promise.all(Array.from({ length: 4 }, () => keep("2026-11-27T00:00:00Z"))).finally(() => {
      isKept = true;
    });
    const count = await adding;
    await keep("2026-11-27T00:00:00Z");
    const places = await placed();
    assert.equal(places.length, count);
    assert.ok(places.every((place) => !place.endsWith("default")));
  });
});
