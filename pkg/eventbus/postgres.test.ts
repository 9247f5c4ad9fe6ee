import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { EventEnvelopeSchema } from "#gen/matinee/common/v1/event_pb";
import { newId, systemClock } from "#pkg/clock/clock";
import { openPool } from "#pkg/postgres/pool";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, type TestDb, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { standingClock, untilQuiet, wokenEachTime } from "#pkg/testkit/woken";
import { describeEventBus } from "./conformance.ts";
import { migrationsFor, openEventBus } from "./open.ts";
import { openPostgresEventBus } from "./postgres.ts";

const freshDb = () => testDb("port-eventbus", migrationsFor("postgres:"));

describe("the event bus in PostgreSQL", () => {
  let owner: Promise<TestDb> | undefined;

  after(async () => (await owner)?.[Symbol.asyncDispose]());

  describeEventBus("postgres", {
    open: async (routing) => {
      owner ??= freshDb();
      const db = openPool({ url: (await owner).url, name: "port-eventbus", log: quietLog });
      return openPostgresEventBus({ db, clock: systemClock, log: quietLog, retryMs: 5, routing });
    },
  });

  it("takes no more events than it may, whatever plan the engine makes", async () => {
    const url = new URL((await freshDb()).url);
    const off = ["hashjoin", "mergejoin", "material", "memoize", "seqscan"].map((plan) => `-c enable_${plan}=off`);
    url.searchParams.set("options", off.join(" "));
    const db = openPool({ url: url.href, name: "port-eventbus", log: quietLog });
    await using bus = openPostgresEventBus({ db, clock: systemClock, log: quietLog });
    await bus.register("c", ["t.T"]);
    const events = Array.from({ length: 12 }, () => ({ id: newId(), type: "t.T", source: "test", key: "k" }));
    await bus.publish(events.map((event) => create(EventEnvelopeSchema, { ...event, occurTime: timestampNow() })));
    let [now, most, done] = [0, 0, 0];
    const handle = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      done += 1;
    };
    const stop = new AbortController();
    const ended = bus.subscribe({ consumer: "c", types: ["t.T"], handle, concurrency: 1 }, stop.signal);
    await eventually("all are handled", () => done === events.length);
    assert.equal(most, 1);
    stop.abort();
    await ended;
  });

  it("wakes consumers when an event is published, and when one that ends gives its event back", async () => {
    const { db } = await freshDb();
    await using bus = openPostgresEventBus({ db, clock: standingClock(), log: quietLog });
    await bus.register("c", ["t.T"]);
    const publish = async () => {
      const about = { id: newId(), type: "t.T", source: "test", key: "k", occurTime: timestampNow() };
      await bus.publish([create(EventEnvelopeSchema, about)]);
      return about.id;
    };
    const subscribe = (handle: (id: string, signal: AbortSignal) => Promise<void>) => {
      const stop = new AbortController();
      const ended = bus.subscribe(
        { consumer: "c", types: ["t.T"], handle: ({ id }, signal) => handle(id, signal) },
        stop.signal,
      );
      return {
        async [Symbol.asyncDispose]() {
          stop.abort();
          await ended;
        },
      };
    };
    const seen: string[] = [];
    const take = async (id: string) => void seen.push(id);
    {
      await using _taking = subscribe(take);
      await wokenEachTime(async () => {
        const id = await publish();
        await eventually("the event came", () => seen.includes(id));
      });
    }
    await wokenEachTime(async () => {
      let held: string | undefined;
      const ending = subscribe((id, signal) => {
        held = id;
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      });
      const id = await publish();
      await eventually("one has it", () => held === id);
      await using _next = subscribe(take);
      await untilQuiet();
      await ending[Symbol.asyncDispose]();
      await eventually("the next one has it", () => seen.includes(id));
    });
  });

  it("gives an event of a process that died to another one when its lease runs out", async () => {
    const { db } = await freshDb();
    await using bus = openPostgresEventBus({ db, clock: systemClock, log: quietLog, leaseMs: 300 });
    await bus.register("c", ["t.T"]);
    const about = { id: newId(), type: "t.T", source: "test", key: "k", occurTime: timestampNow() };
    const event = create(EventEnvelopeSchema, about);
    await bus.publish([event]);
    // what a process leaves behind that claimed the event and was killed
    await db.execute("update deliveries set attempts = 1, due_at = now() + interval '300 ms'");
    const stop = new AbortController();
    const seen: string[] = [];
    const subscribed = bus.subscribe(
      { consumer: "c", types: ["t.T"], handle: async ({ id }) => void seen.push(id) },
      stop.signal,
    );
    await eventually("the event came", () => seen.includes(event.id));
    stop.abort();
    await subscribed;
  });

  it("does not deliver an event twice at a time while its handler takes longer than a lease", async () => {
    const { db } = await freshDb();
    await using bus = openPostgresEventBus({ db, clock: systemClock, log: quietLog, leaseMs: 1500 });
    await bus.register("c", ["t.T"]);
    const about = { id: newId(), type: "t.T", source: "test", key: "k", occurTime: timestampNow() };
    await bus.publish([create(EventEnvelopeSchema, about)]);
    const stop = new AbortController();
    let calls = 0;
    const released = Promise.withResolvers<void>();
    const handle = () => {
      calls += 1;
      return released.promise;
    };
    const subscribed = [1, 2].map(() => bus.subscribe({ consumer: "c", types: ["t.T"], handle }, stop.signal));
    const renewals = new Set<number>();
    await eventually("the lease was renewed twice", async () => {
      const [row] = await db.query<{ due_at: Date }>("select due_at from deliveries where attempts > 0");
      if (row !== undefined) renewals.add(row.due_at.getTime());
      return renewals.size > 2;
    });
    released.resolve();
    assert.equal(calls, 1);
    await eventually("the delivery is gone", async () => (await db.query("select from deliveries")).length === 0);
    stop.abort();
    await Promise.all(subscribed);
  });

  it("is refused where no adapter knows the URL", async () => {
    const deps = { postgres: async () => (await freshDb()).db, clock: systemClock, log: quietLog };
    for (const url of ["gopher://x", "postgres:?routing=none"]) {
      await assert.rejects(openEventBus(url, deps), refused("EVENTBUS_URL_UNKNOWN"));
    }
    await (await openEventBus("postgres:", deps))[Symbol.asyncDispose]();
  });
});
