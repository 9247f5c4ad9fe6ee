/** What every event bus adapter must keep, one case per promise of the port. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type EventEnvelope, EventEnvelopeSchema } from "#gen/matinee/common/v1/event_pb";
import { newId } from "#pkg/clock/clock";
import { AppError, isAppError } from "#pkg/errors/errors";
import { outOfSpace } from "#pkg/errors/space";
import { eventually } from "#pkg/testkit/eventually";
import { type EventBus, MAX_DELIVERIES } from "./eventbus.ts";
import { MAX_DATA_BYTES } from "./limits.ts";

export interface EventBusConformance {
  /** Opens a bus on the engine under test, all on the same one; `verify` is one that owns no routing. */
  readonly open: (routing: "own" | "verify") => Promise<EventBus>;
  /** Has a rule exist where the engine needs one before it routes a type to a consumer. */
  readonly prepare?: (consumer: string, types: readonly string[]) => Promise<void>;
}

/**
 * The adapter's delays between deliveries should be set short for this suite. Cases use fresh consumers and types; they
 * promise no order and not just-once, and await by polling whatever takes time.
 */
export function describeEventBus(name: string, { open, prepare }: EventBusConformance): void {
  describe(`event bus: ${name}`, () => {
    let bus: EventBus;
    let stop: AbortController;
    let running: Promise<void>[];

    before(async () => {
      bus = await open("own");
    });
    after(() => bus[Symbol.asyncDispose]());
    beforeEach(() => {
      stop = new AbortController();
      running = [];
    });
    afterEach(async () => {
      stop.abort();
      await Promise.all(running);
    });

    const freshType = () => `matinee.conformance.v1.T${randomUUID().replaceAll("-", "")}`;
    const freshConsumer = () => `conformance-${randomUUID()}`;

    function eventOf(type: string, text = "hello"): EventEnvelope {
      return create(EventEnvelopeSchema, {
        id: newId(),
        type,
        source: "conformance",
        key: "thing-1",
        occurTime: timestampFromDate(new Date("2026-01-02T03:04:05.678Z")),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        version: 2n ** 62n,
        data: new TextEncoder().encode(text),
      });
    }

    async function subscribe(
      consumer: string,
      types: readonly string[],
      handle: (event: EventEnvelope, signal: AbortSignal) => Promise<void>,
      { until = stop.signal, ...rest }: { readonly until?: AbortSignal; readonly concurrency?: number } = {},
    ): Promise<void> {
      await prepare?.(consumer, types);
      await bus.register(consumer, types);
      running.push(bus.subscribe({ consumer, types, handle, ...rest }, until));
    }

    /** A handler that keeps the first of each id. */
    function collector() {
      const seen = new Map<string, EventEnvelope>();
      return { seen, handle: async (event: EventEnvelope) => void seen.set(event.id, event) };
    }

    it("delivers an event with everything that was said in it", async () => {
      const type = freshType();
      const { seen, handle } = collector();
      await subscribe(freshConsumer(), [type], handle);
      const event = eventOf(type);
      await bus.publish([event]);
      const got = await eventually("the event came", () => seen.get(event.id));
      assert.deepEqual(got, event);
    });

    it("delivers each event to each subscribed consumer, and only the types that it names", async () => {
      const [wanted, other] = [freshType(), freshType()];
      const [one, two] = [collector(), collector()];
      await subscribe(freshConsumer(), [wanted], one.handle);
      await subscribe(freshConsumer(), [wanted, other], two.handle);
      const events = [eventOf(wanted), eventOf(other), eventOf(wanted)];
      await bus.publish(events);
      await eventually("three events for the second", () => two.seen.size === 3);
      await eventually("two events for the first", () => one.seen.size === 2);
      assert.ok([...one.seen.values()].every((event) => event.type === wanted));
    });

    it("shares deliveries between subscribers of one name", async () => {
      const [type, consumer] = [freshType(), freshConsumer()];
      const [one, two] = [collector(), collector()];
      await subscribe(consumer, [type], one.handle);
      await subscribe(consumer, [type], two.handle);
      const events = Array.from({ length: 20 }, () => eventOf(type));
      await bus.publish(events);
      await eventually(
        "every event at one of them",
        () => new Set([...one.seen.keys(), ...two.seen.keys()]).size === 20,
      );
    });

    it("keeps what is published after the registration until the consumer runs", async () => {
      const [type, consumer] = [freshType(), freshConsumer()];
      await prepare?.(consumer, [type]);
      await bus.register(consumer, [type]);
      const event = eventOf(type);
      await bus.publish([event]);
      const { seen, handle } = collector();
      await subscribe(consumer, [type], handle);
      await eventually("the event came", () => seen.has(event.id));
    });

    it("delivers an event again to a consumer that failed, under the same id", async () => {
      const type = freshType();
      const attempts: string[] = [];
      await subscribe(freshConsumer(), [type], async (event) => {
        attempts.push(event.id);
        if (attempts.length === 1) throw new Error("not yet");
      });
      const event = eventOf(type);
      await bus.publish([event]);
      await eventually("a second delivery", () => attempts.length >= 2);
      assert.ok(attempts.every((id) => id === event.id));
    });

    it("goes on with other events while one keeps failing", async () => {
      const type = freshType();
      const { seen, handle } = collector();
      const poison = eventOf(type, "poison");
      await subscribe(freshConsumer(), [type], async (event) => {
        if (event.id === poison.id) throw new Error("poison");
        await handle(event);
      });
      const others = Array.from({ length: 10 }, () => eventOf(type));
      await bus.publish([poison, ...others]);
      await eventually("all others came", () => seen.size === 10);
    });

    it("does not count deliveries to a consumer that waits for room or for a peer", async () => {
      const [type, consumer] = [freshType(), freshConsumer()];
      const away = new AppError({ kind: "unavailable", reason: "PEER_AWAY", message: "away" });
      let attempts = 0;
      const { seen, handle } = collector();
      await subscribe(consumer, [type], async (event) => {
        attempts += 1;
        if (attempts <= MAX_DELIVERIES + 3) throw attempts % 2 === 0 ? away : outOfSpace("a store");
        await handle(event);
      });
      const event = eventOf(type);
      await bus.publish([event]);
      await eventually("the event came in the end", () => seen.has(event.id));
    });

    it("parks an event whose consumer keeps failing, does not drop it, and delivers it after the next start", async () => {
      const [type, consumer] = [freshType(), freshConsumer()];
      let attempts = 0;
      let isMended = false;
      const { seen, handle } = collector();
      await subscribe(consumer, [type], async (event) => {
        attempts += 1;
        if (!isMended) throw new Error("always");
        await handle(event);
      });
      const event = eventOf(type);
      await bus.publish([event]);
      await eventually("the event is parked", async () => (await bus.parked(consumer)) === 1);
      assert.ok(attempts >= MAX_DELIVERIES);
      assert.equal(await bus.parked(freshConsumer()), 0);
      isMended = true;
      await bus.register(consumer, [type]);
      await eventually("the event came in the end", () => seen.has(event.id));
    });

    it("does not park an event for a consumer that was told to end while it handled it, however often", async () => {
      const [type, consumer] = [freshType(), freshConsumer()];
      await prepare?.(consumer, [type]);
      await bus.register(consumer, [type]);
      const event = eventOf(type);
      await bus.publish([event]);
      for (let start = 0; start < MAX_DELIVERIES + 2; start++) {
        const own = new AbortController();
        let isRunning = false;
        const handle = async (_event: EventEnvelope, signal: AbortSignal) => {
          isRunning = true;
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          throw signal.reason;
        };
        // Not registered anew, which would give back what was parked.
        const ended = bus.subscribe({ consumer, types: [type], handle }, own.signal);
        await eventually("the handler runs", () => isRunning);
        own.abort();
        await ended;
      }
      assert.equal(await bus.parked(consumer), 0);
      const { seen, handle } = collector();
      running.push(bus.subscribe({ consumer, types: [type], handle }, stop.signal));
      await eventually("the event came in the end", () => seen.has(event.id));
    });

    it("handles as many events at a time as the subscription says", async () => {
      for (const concurrency of [1, 6]) {
        const type = freshType();
        let [now, most, done] = [0, 0, 0];
        const full = Promise.withResolvers<void>();
        await subscribe(
          freshConsumer(),
          [type],
          async () => {
            now += 1;
            most = Math.max(most, now);
            // The first ones wait for each other: they end only where so many run at once.
            if (most === concurrency) full.resolve();
            await full.promise;
            await new Promise((resolve) => setImmediate(resolve));
            now -= 1;
            done += 1;
          },
          { concurrency },
        );
        await bus.publish(Array.from({ length: 12 }, () => eventOf(type)));
        await eventually("all events were handled", () => done >= 12);
        assert.equal(most, concurrency);
      }
      const invalid = (error: unknown) => isAppError(error, "EVENT_INVALID");
      for (const concurrency of [0, 1.5, 101]) {
        const subscription = { consumer: freshConsumer(), types: [freshType()], handle: async () => {}, concurrency };
        await assert.rejects(bus.subscribe(subscription, stop.signal), invalid);
      }
    });

    it("only verifies where the infrastructure owns the routing", async () => {
      await using verifying = await open("verify");
      const [type, consumer] = [freshType(), freshConsumer()];
      const missing = (error: unknown) => isAppError(error, "EVENT_NOT_ROUTED") && error.message.includes(type);
      await assert.rejects(verifying.register(consumer, [type]), missing);
      await assert.rejects(verifying.register(consumer, [type]), missing, "the first call has routed it");
      await prepare?.(consumer, [type]);
      await bus.register(consumer, [type]);
      await verifying.register(consumer, [type]);
      const { seen, handle } = collector();
      running.push(verifying.subscribe({ consumer, types: [type], handle }, stop.signal));
      const event = eventOf(type);
      await verifying.publish([event]);
      await eventually("the event came", () => seen.has(event.id));
    });

    it("takes the same event twice without an error", async () => {
      const type = freshType();
      const { seen, handle } = collector();
      await subscribe(freshConsumer(), [type], handle);
      const event = eventOf(type);
      await bus.publish([event]);
      await bus.publish([event]);
      await eventually("the event came", () => seen.has(event.id));
    });

    it("takes events that nobody subscribed to, and none at all", async () => {
      await bus.publish([eventOf(freshType())]);
      await bus.publish([]);
    });

    it("carries 150 KiB and refuses more, and what is published with it", async () => {
      const type = freshType();
      const { seen, handle } = collector();
      await subscribe(freshConsumer(), [type], handle);
      const event = eventOf(type, "x".repeat(MAX_DATA_BYTES));
      await bus.publish([event]);
      await eventually("the large event came", () => seen.has(event.id));
      const [good, tooLarge] = [eventOf(type), eventOf(type, "x".repeat(MAX_DATA_BYTES + 1))];
      await assert.rejects(bus.publish([good, tooLarge]), (error) => isAppError(error, "EVENT_INVALID"));
      const last = eventOf(type);
      await bus.publish([last]);
      await eventually("the next event came", () => seen.has(last.id));
      assert.equal(seen.has(good.id), false);
    });

    it("tells running handlers to stop, waits for them, and delivers unfinished events to the next subscriber", async () => {
      const [type, consumer] = [freshType(), freshConsumer()];
      const own = new AbortController();
      let started = false;
      let ended = false;
      await subscribe(
        consumer,
        [type],
        async (_event, signal) => {
          started = true;
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          ended = true;
          throw signal.reason;
        },
        { until: own.signal },
      );
      const event = eventOf(type);
      await bus.publish([event]);
      await eventually("the handler runs", () => started);
      own.abort();
      await Promise.all(running);
      assert.ok(ended);
      const { seen, handle } = collector();
      await subscribe(consumer, [type], handle);
      await eventually("the event came again", () => seen.has(event.id));
    });
  });
}
