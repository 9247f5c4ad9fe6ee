import assert from "node:assert/strict";
import { systemClock } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { standingClock, wokenEachTime } from "#pkg/testkit/woken";
import { describeEventLog } from "./conformance.ts";
import { migrationsFor, openEventLog } from "./open.ts";
import { openPostgresEventLog } from "./postgres.ts";

const freshDb = () => testDb("port-eventlog", migrationsFor("postgres:"));

describeEventLog("postgres", async () => {
  const { db } = await freshDb();
  return {
    log: openPostgresEventLog({ db, clock: systemClock, log: quietLog, retryMs: 20, leaseMs: 3000 }),
    async takeAway(topic, group) {
      await db.execute(
        "update positions set holder = gen_random_uuid(), held_until = now() where topic = $1 and group_name = $2",
        [topic, group],
      );
    },
  };
});

describe("the event log in PostgreSQL", () => {
  const value = new Uint8Array([1]);

  it("wakes the readers of a topic when a record is appended", async () => {
    const { db } = await freshDb();
    await using log = openPostgresEventLog({ db, clock: standingClock(), log: quietLog });
    const stop = new AbortController();
    const seen: string[] = [];
    const take = async (batch: readonly { readonly key: string }[]) => void seen.push(...batch.map(({ key }) => key));
    const consuming = log.consume("t", "g", take, stop.signal);
    await wokenEachTime(async (number) => {
      await log.append("t", [{ key: `k${number}`, value }]);
      await eventually("it is read", () => seen.includes(`k${number}`));
    });
    stop.abort();
    await consuming;
  });

  it("goes on behind records that were too old before a group read them", async () => {
    const { db } = await freshDb();
    await using log = openPostgresEventLog({ db, clock: systemClock, log: quietLog });
    await log.append("t", [{ key: "k", value }]);
    await db.execute("delete from records");
    const stop = new AbortController();
    const seen: string[] = [];
    const consuming = log.consume(
      "t",
      "g",
      async (batch) => void seen.push(...batch.map((one) => one.key)),
      stop.signal,
    );
    await eventually("the group has passed what is gone", async () => {
      const rows = await db.query("select from positions where next_offset = 1");
      return rows.length === 1;
    });
    await log.append("t", [{ key: "k", value }]);
    await eventually("the new record", () => seen.length === 1);
    stop.abort();
    await consuming;
  });

  it("drops records that are older than the retention", async () => {
    const { db } = await freshDb();
    await using log = openPostgresEventLog({ db, clock: systemClock, log: quietLog, retentionMs: 60_000 });
    await log.append("t", [{ key: "old", value }]);
    await db.execute("update records set appended_at = now() - interval '2 minutes'");
    await log.append("t", [{ key: "new", value }]);
    const stop = new AbortController();
    const consuming = log.consume("t", "g", async () => undefined, stop.signal);
    await eventually("only the new one is kept", async () => {
      const rows = await db.query("select key from records");
      return rows.length === 1 && rows[0]?.key === "new";
    });
    stop.abort();
    await consuming;
  });

  it("gives a partition of a process that died to another one when its lease runs out", async () => {
    const { db } = await freshDb();
    await using log = openPostgresEventLog({ db, clock: systemClock, log: quietLog });
    await log.append("t", [{ key: "k", value }]);
    // what a process leaves behind that held every partition and was killed
    await db.execute(
      `insert into positions (topic, group_name, partition, holder, held_until)
       select topic, 'g', partition, gen_random_uuid(), now() + interval '300 ms' from partitions`,
    );
    const stop = new AbortController();
    const seen: string[] = [];
    const consuming = log.consume(
      "t",
      "g",
      async (batch) => void seen.push(...batch.map((one) => one.key)),
      stop.signal,
    );
    await eventually("the record came", () => seen.length === 1);
    stop.abort();
    await consuming;
  });

  it("is refused where no adapter knows the URL", async () => {
    const deps = { postgres: async () => (await freshDb()).db, clock: systemClock, log: quietLog };
    await assert.rejects(openEventLog("gopher://x", deps), refused("EVENTLOG_URL_UNKNOWN"));
    await (await openEventLog("postgres:", deps))[Symbol.asyncDispose]();
  });
});
