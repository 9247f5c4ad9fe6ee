/** What every adapter of the `Db` port must keep, one case per promise. */

import assert from "node:assert/strict";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import type { Db } from "./db.ts";

/** `open` gives a pool of at least two connections on an empty schema that it may create tables in. */
export function describeDb(name: string, open: () => Promise<Db>): void {
  describe(`database: ${name}`, () => {
    let db: Db;

    before(async () => {
      db = await open();
      await db.execute("create table things (id int primary key, name text not null)");
    });
    after(() => db[Symbol.asyncDispose]());
    beforeEach(() => db.execute("truncate things"));

    const names = async () =>
      (await db.query<{ name: string }>("select name from things order by id")).map((row) => row.name);
    const insert = "insert into things (id, name) values ($1, $2)";

    it("returns rows in the types that the port names", async () => {
      const [row] = await db.query(
        `select 9007199254740993::bigint as large, 1.10::numeric as exact, '2024-02-29'::date as day,
                '2024-02-29T12:00:00.123Z'::timestamptz as moment, '{"a": [1]}'::jsonb as data, '\\x00ff'::bytea as bytes,
                array['x', 'y'] as list, null as nothing`,
      );
      assert.deepEqual(row, {
        large: "9007199254740993",
        exact: "1.10",
        day: "2024-02-29",
        moment: new Date("2024-02-29T12:00:00.123Z"),
        data: { a: [1] },
        bytes: Buffer.from([0, 255]),
        list: ["x", "y"],
        nothing: null,
      });
    });

    it("passes parameters apart from the statement", async () => {
      const hostile = "'; drop table things; --";
      const [row] = await db.query(
        "select $1::text as text, $2::bytea as bytes, $3::timestamptz as moment, $4::bigint as large",
        [hostile, new Uint8Array([1, 2]), new Date(0), 2n ** 53n + 1n],
      );
      assert.deepEqual(row, {
        text: hostile,
        bytes: Buffer.from([1, 2]),
        moment: new Date(0),
        large: "9007199254740993",
      });
    });

    it("says how many rows a statement touched", async () => {
      assert.equal(await db.execute("insert into things select i, 'x' from generate_series(1, 3) i"), 3);
      assert.equal(await db.execute("delete from things where id > 5"), 0);
    });

    it("commits everything of a transaction together", async () => {
      const result = await db.tx(async (tx) => {
        await tx.execute(insert, [1, "a"]);
        assert.deepEqual(await names(), []);
        assert.equal((await tx.query("select from things")).length, 1);
        return "done";
      });
      assert.equal(result, "done");
      assert.deepEqual(await names(), ["a"]);
    });

    it("leaves nothing of a transaction that throws, and throws what was thrown", async () => {
      const thrown = new Error("no");
      await assert.rejects(
        db.tx(async (tx) => {
          await tx.execute(insert, [1, "a"]);
          throw thrown;
        }),
        (error) => error === thrown,
      );
      assert.deepEqual(await names(), []);
    });

    it("runs work after the commit, not after a rollback, and outlives what that work throws", async () => {
      const ran: string[] = [];
      await db.tx(async (tx) => {
        tx.afterCommit(() => {
          throw new Error("ignored");
        });
        tx.afterCommit(() => void ran.push("committed"));
        assert.deepEqual(ran, []);
      });
      const failing = db.tx(async (tx) => {
        tx.afterCommit(() => void ran.push("rolled back"));
        throw new Error("no");
      });
      await assert.rejects(failing);
      assert.deepEqual(ran, ["committed"]);
    });

    it("runs a transaction again when it was the victim of a deadlock", async () => {
      await db.execute("insert into things values (1, ''), (2, '')");
      const lock = "update things set name = name || $2 where id = $1";
      const tries = [0, 0];
      const bothHoldOne = [gate(), gate()] as const;
      const crossing = (own: 0 | 1) =>
        db.tx(async (tx) => {
          tries[own] = (tries[own] ?? 0) + 1;
          await tx.execute(lock, [own + 1, "+"]);
          bothHoldOne[own].open();
          await bothHoldOne[own === 0 ? 1 : 0].passed;
          await tx.execute(lock, [2 - own, "+"]);
        });
      await Promise.all([crossing(0), crossing(1)]);
      assert.deepEqual(await names(), ["++", "++"]);
      assert.deepEqual([...tries].sort(), [1, 2]);
    });

    it("refuses statements of a transaction that has ended", async () => {
      const late = await db.tx(async (tx) => () => tx.query("select 1"));
      await assert.rejects(late());
    });

    it("wakes listeners of the channel once the notifying transaction has committed", async () => {
      const stop = new AbortController();
      const heard: string[] = [];
      const listening = db.listen("things", (payload) => void heard.push(payload), stop.signal);
      await eventually("listening has begun", () => heard.includes(""));
      await db.tx((tx) => tx.query("select pg_notify(current_schema() || '.things', 'one')"));
      await eventually("the notification came", () => heard.includes("one"));
      stop.abort();
      await listening;
    });

    it("answers a ping", () => db.ping());

    it("refuses text that cannot be stored as the caller's mistake", async () => {
      await assert.rejects(db.execute(insert, [1, "a\u0000b"]), (error) => isAppError(error, "DATABASE_TEXT_INVALID"));
    });

    it("has room for more work at a time than it has connections", async () => {
      await Promise.all(Array.from({ length: 20 }, (_, i) => db.tx((tx) => tx.execute(insert, [i, "x"]))));
      assert.equal((await names()).length, 20);
    });
  });
}

function gate() {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), passed };
}
