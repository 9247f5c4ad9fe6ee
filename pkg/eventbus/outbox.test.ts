import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { StringValueSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";
import { systemClock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { standingClock, wokenEachTime } from "#pkg/testkit/woken";
import { errors } from "./errors.ts";
import type { EventBus } from "./eventbus.ts";
import { MAX_DATA_BYTES } from "./limits.ts";
import { migrationsFor } from "./open.ts";
import { openInbox, openOutbox, runOutboxRelay } from "./outbox.ts";
import { openPostgresEventBus } from "./postgres.ts";

describe("the outbox", () => {
  const clock = systemClock;
  const outbox = openOutbox({ source: "tester", clock });
  const consumer = { consumer: "c", types: [TimestampSchema.typeName] };
  let db: Db;
  let bus: EventBus;
  let stop: AbortController;
  let running: Promise<void>[];

  beforeEach(async () => {
    ({ db } = await testDb("outbox"));
    bus = openPostgresEventBus({
      db: (await testDb("port-eventbus", migrationsFor("postgres:"))).db,
      clock,
      log: quietLog,
    });
    await bus.register(consumer.consumer, consumer.types);
    stop = new AbortController();
    running = [];
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running);
    await bus[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  });

  function subscribe(): Map<string, EventEnvelope> {
    const seen = new Map<string, EventEnvelope>();
    running.push(bus.subscribe({ ...consumer, handle: async (event) => void seen.set(event.id, event) }, stop.signal));
    return seen;
  }

  const relay = (to = bus) => running.push(runOutboxRelay({ db, bus: to, clock, log: quietLog }, stop.signal));
  const emit = (seconds: bigint) => db.tx((tx) => outbox.emit(tx, TimestampSchema, { seconds }, "key"));
  const untilEmpty = () =>
    eventually("the outbox is empty", async () => (await db.query("select from outbox")).length === 0);

  it("brings a committed event to the bus with everything that was said in it, and forgets it", async () => {
    const seen = subscribe();
    relay();
    const id = await emit(42n);
    const event = await eventually("the event came", () => seen.get(id));
    assert.deepEqual([event.source, event.key, event.traceparent], ["tester", "key", ""]);
    assert.equal(event.type, TimestampSchema.typeName);
    assert.equal(fromBinary(TimestampSchema, event.data).seconds, 42n);
    await untilEmpty();
  });

  it("wakes the relay when an event is committed", async () => {
    running.push(runOutboxRelay({ db, bus, clock: standingClock(), log: quietLog }, stop.signal));
    await wokenEachTime(async (number) => {
      await emit(BigInt(number));
      await untilEmpty();
    });
  });

  it("keeps an event that was emitted while no relay ran", async () => {
    const seen = subscribe();
    const id = await emit(1n);
    relay();
    await eventually("the event came", () => seen.has(id));
  });

  it("says nothing of a transaction that rolled back", async () => {
    const seen = subscribe();
    relay();
    await assert.rejects(
      db.tx(async (tx) => {
        await outbox.emit(tx, TimestampSchema, {}, "key");
        throw new Error("no");
      }),
    );
    const id = await emit(1n);
    await eventually("the event after it came", () => seen.has(id));
    assert.equal(seen.size, 1);
  });

  it("brings every event once over several relays at a time", async () => {
    const seen = subscribe();
    for (let i = 0; i < 3; i++) relay();
    await db.tx(async (tx) => {
      for (let i = 0; i < 120; i++) await outbox.emit(tx, TimestampSchema, { seconds: BigInt(i) }, "key");
    });
    await eventually("every event came", () => seen.size === 120);
    await untilEmpty();
  });

  it("gives the later of two changes of one thing the larger version", async () => {
    const seen = subscribe();
    relay();
    await db.execute("create table things (id integer)", []);
    await db.execute("insert into things values (1)", []);
    const ids: string[] = [];
    const change = () =>
      db.tx(async (tx) => {
        await tx.query("select from things for update");
        ids.push(await outbox.emit(tx, TimestampSchema, {}, "key"));
      });
    await Promise.all(Array.from({ length: 20 }, change));
    await eventually("every event came", () => seen.size === 20);
    const versions = ids.map((id) => Number(seen.get(id)?.version));
    assert.deepEqual(
      versions,
      versions.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(versions).size, 20);
  });

  it("refuses what no bus could carry where it is said, and the change with it", async () => {
    const size = (value: string) => db.tx((tx) => outbox.emit(tx, StringValueSchema, { value }, "key"));
    await assert.rejects(size("x".repeat(MAX_DATA_BYTES)), refused("EVENT_INVALID"));
    assert.deepEqual(await db.query("select from outbox"), []);
    await size("x".repeat(MAX_DATA_BYTES - 10));
  });

  it("parks what the bus refuses, brings what is behind it, and tries again at the next start", async () => {
    const seen = subscribe();
    const ids = [];
    for (let i = 1n; i <= 3n; i++) ids.push(await emit(i));
    const [first, refused = "", last] = ids;
    const choosy: EventBus = {
      ...bus,
      async publish(events) {
        if (events.some(({ id }) => id === refused)) throw errors.EVENT_INVALID("not this one");
        await bus.publish(events);
      },
    };
    relay(choosy);
    await eventually("the others came", () => [first, last].every((id) => seen.has(id ?? "")));
    const later = await emit(4n);
    await eventually("the next one came", () => seen.has(later));
    assert.deepEqual(await db.query("select id, parked_at is not null as parked from outbox"), [
      { id: refused, parked: true },
    ]);
    relay();
    await eventually("it came in the end", () => seen.has(refused));
    await untilEmpty();
  });

  it("keeps what the bus did not take, and tries again", async () => {
    const seen = subscribe();
    let refusals = 2;
    relay({
      ...bus,
      async publish(events) {
        if (refusals-- > 0) throw new Error("the bus is down");
        await bus.publish(events);
      },
    });
    const id = await emit(1n);
    await eventually("the event came", () => seen.has(id));
    assert.ok(refusals < 0);
  });
});

describe("the inbox", () => {
  const inbox = openInbox();
  const id = "01890a5d-ac96-774b-bcce-b302099a8057";

  it("says once that an event is new, and again only when the transaction rolled back", async () => {
    await using test = await testDb("inbox");
    const first = () => test.db.tx((tx) => inbox.firstTime(tx, id));
    await assert.rejects(
      test.db.tx(async (tx) => {
        assert.ok(await inbox.firstTime(tx, id));
        throw new Error("no");
      }),
    );
    assert.deepEqual([await first(), await first()], [true, false]);
  });

  it("lets one of two deliveries at the same time be the first", async () => {
    await using test = await testDb("inbox");
    const first = () => test.db.tx((tx) => inbox.firstTime(tx, id));
    assert.deepEqual((await Promise.all([first(), first(), first()])).filter(Boolean), [true]);
  });

  it("forgets what is older than a month", async () => {
    await using test = await testDb("inbox");
    await test.db.execute(
      `insert into inbox (event_id, handled_at)
       select gen_random_uuid(), now() - make_interval(days => age) from unnest(array[31, 29]) age`,
    );
    const stop = new AbortController();
    const bus = {} as EventBus;
    const relaying = runOutboxRelay({ db: test.db, bus, clock: systemClock, log: quietLog }, stop.signal);
    await eventually("the older one is gone", async () => (await test.db.query("select from inbox")).length === 1);
    stop.abort();
    await relaying;
  });
});
