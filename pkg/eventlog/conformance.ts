/** What every event log adapter must keep, one case per promise of the port. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import type { EventLog, LogRecord, StoredRecord } from "./eventlog.ts";

export interface EventLogUnderTest {
  readonly log: EventLog;
  /** Takes the group's partitions from who holds them, as the engine does where a process stood still. */
  readonly takeAway: (topic: string, group: string) => Promise<void>;
}

/**
 * Cases use fresh topics and groups, which `prepare` makes where the engine does not by itself. Order is asserted for
 * records of one key only; batches may be cut anywhere, and a record may come more than once.
 */
export function describeEventLog(
  name: string,
  open: () => Promise<EventLogUnderTest>,
  prepare: (topic: string) => Promise<void> = async () => undefined,
): void {
  describe(`event log: ${name}`, () => {
    let log: EventLog;
    let takeAway: EventLogUnderTest["takeAway"];
    let stop: AbortController;
    let running: Promise<void>[];

    before(async () => {
      ({ log, takeAway } = await open());
    });
    after(() => log[Symbol.asyncDispose]());
    beforeEach(() => {
      stop = new AbortController();
      running = [];
    });
    afterEach(async () => {
      stop.abort();
      await Promise.all(running);
    });

    async function freshTopic(): Promise<string> {
      const topic = `conformance-${randomUUID()}`;
      await prepare(topic);
      return topic;
    }

    const freshGroup = () => `group-${randomUUID()}`;
    const record = (key: string, text: string): LogRecord => ({ key, value: new TextEncoder().encode(text) });
    const textOf = (stored: StoredRecord) => new TextDecoder().decode(stored.value);

    function consume(
      topic: string,
      group: string,
      handle: (batch: readonly StoredRecord[], signal: AbortSignal) => Promise<void>,
      until = stop.signal,
    ): Promise<void> {
      const consuming = log.consume(topic, group, handle, until);
      running.push(consuming);
      return consuming;
    }

    /** Texts of each key in the order of their offsets, repeats left out. */
    function collector() {
      const records = new Map<string, StoredRecord>();
      return {
        size: () => records.size,
        handle: async (batch: readonly StoredRecord[]) => {
          for (const one of batch) records.set(`${one.partition}/${one.offset}`, one);
        },
        textsOf: (key: string) =>
          [...records.values()]
            .filter((one) => one.key === key)
            .sort((a, b) => Number(a.offset - b.offset))
            .map(textOf),
      };
    }

    it("hands over every record with its key and bytes", async () => {
      const topic = await freshTopic();
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      await log.append(topic, [{ key: "bytes", value: bytes }, record("größe", "empty follows"), record("empty", "")]);
      const got: StoredRecord[] = [];
      consume(topic, freshGroup(), async (batch) => void got.push(...batch));
      await eventually("three records", () => got.length >= 3);
      assert.deepEqual(got.find((one) => one.key === "bytes")?.value, bytes);
      assert.equal(got.find((one) => one.key === "empty")?.value?.byteLength, 0);
      assert.ok(got.every((one) => one.appendedAt instanceof Date));
    });

    it("keeps the order of records with the same key, over appends and batches", async () => {
      const topic = await freshTopic();
      const { handle, size, textsOf } = collector();
      consume(topic, freshGroup(), handle);
      const keys = ["a", "b", "c", "d", "e"];
      for (let i = 0; i < 20; i++)
        await log.append(
          topic,
          keys.map((key) => record(key, `${i}`)),
        );
      await eventually("all records", () => size() === 100);
      for (const key of keys) {
        assert.deepEqual(
          textsOf(key),
          Array.from({ length: 20 }, (_, i) => `${i}`),
        );
      }
    });

    it("puts records with the same key into one partition, with growing offsets", async () => {
      const topic = await freshTopic();
      await log.append(
        topic,
        Array.from({ length: 10 }, (_, i) => record("same", `${i}`)),
      );
      const got: StoredRecord[] = [];
      consume(topic, freshGroup(), async (batch) => void got.push(...batch));
      await eventually("ten records", () => got.length >= 10);
      assert.equal(new Set(got.map((one) => one.partition)).size, 1);
      const offsets = got.slice(0, 10).map((one) => one.offset);
      assert.deepEqual(
        offsets,
        [...offsets].sort((a, b) => Number(a - b)),
      );
    });

    it("hands over batches of one partition only", async () => {
      const topic = await freshTopic();
      const batches: (readonly StoredRecord[])[] = [];
      await log.append(
        topic,
        Array.from({ length: 50 }, (_, i) => record(`key-${i}`, "x")),
      );
      consume(topic, freshGroup(), async (batch) => void batches.push(batch));
      await eventually("fifty records", () => batches.flat().length >= 50);
      for (const batch of batches) assert.equal(new Set(batch.map((one) => one.partition)).size, 1);
    });

    it("loses nothing to writers that append at the same time", async () => {
      const topic = await freshTopic();
      const { handle, size } = collector();
      consume(topic, freshGroup(), handle);
      await Promise.all(
        Array.from({ length: 10 }, (_, writer) =>
          log.append(
            topic,
            Array.from({ length: 20 }, (_, i) => record(`key-${i % 7}`, `${writer}-${i}`)),
          ),
        ),
      );
      await eventually("two hundred records", () => size() === 200);
    });

    it("gives each group every record, and a new group the oldest first", async () => {
      const topic = await freshTopic();
      await log.append(topic, [record("k", "1"), record("k", "2")]);
      const [one, two] = [collector(), collector()];
      consume(topic, freshGroup(), one.handle);
      await eventually("the first group has both", () => one.size() === 2);
      consume(topic, freshGroup(), two.handle);
      await eventually("the second group has both", () => two.size() === 2);
      assert.deepEqual(two.textsOf("k"), ["1", "2"]);
    });

    it("goes on after what the group has finished", async () => {
      const [topic, group] = [await freshTopic(), freshGroup()];
      await log.append(topic, [record("k", "old")]);
      const first = collector();
      const own = new AbortController();
      const consuming = consume(topic, group, first.handle, own.signal);
      await eventually("the first record", () => first.size() === 1);
      own.abort();
      await consuming;
      await log.append(topic, [record("k", "new")]);
      const second: string[] = [];
      consume(topic, group, async (batch) => void second.push(...batch.map(textOf)));
      await eventually("the new record", () => second.includes("new"));
      assert.deepEqual(second, ["new"]);
    });

    it("hands over a batch again from its first record when the handler failed", async () => {
      const topic = await freshTopic();
      await log.append(topic, [record("k", "1"), record("k", "2"), record("k", "3")]);
      const firsts: string[] = [];
      consume(topic, freshGroup(), async (batch) => {
        firsts.push(batch[0] ? textOf(batch[0]) : "");
        if (firsts.length < 3) throw new Error("not yet");
      });
      await eventually("three tries", () => firsts.length >= 3);
      assert.deepEqual(firsts.slice(0, 3), ["1", "1", "1"]);
    });

    it("shares partitions between consumers of one group", async () => {
      const [topic, group] = [await freshTopic(), freshGroup()];
      const [one, two] = [collector(), collector()];
      consume(topic, group, one.handle);
      consume(topic, group, two.handle);
      await log.append(
        topic,
        Array.from({ length: 100 }, (_, i) => record(`key-${i}`, "x")),
      );
      await eventually("every record at one of them", () => one.size() + two.size() >= 100);
    });

    it("handles one batch at a time for each call, and calls of one group beside each other", async () => {
      const [topic, group] = [await freshTopic(), freshGroup()];
      const many = Array.from({ length: 100 }, (_, i) => record(`key-${i}`, "x"));
      await log.append(topic, many);
      const both = Promise.withResolvers<void>();
      const running = [0, 0];
      let done = 0;
      const handler = (call: 0 | 1) => async (batch: readonly StoredRecord[]) => {
        running[call] = (running[call] ?? 0) + 1;
        assert.equal(running[call], 1);
        // The first batch of each waits for the other's.
        if (running.every((count) => count > 0)) both.resolve();
        await both.promise;
        await new Promise((resolve) => setImmediate(resolve));
        running[call] = 0;
        done += batch.length;
      };
      consume(topic, group, handler(0));
      consume(topic, group, handler(1));
      await eventually("all records", () => done >= 100);
    });

    it("carries headers, and tombstones, which have a key and no value", async () => {
      const topic = await freshTopic();
      const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", type: 'a "b" ü' };
      await log.append(topic, [{ ...record("k", "1"), headers }, { key: "k", value: undefined }, record("k", "")]);
      const got: StoredRecord[] = [];
      consume(topic, freshGroup(), async (batch) => void got.push(...batch));
      await eventually("three records", () => got.length >= 3);
      assert.deepEqual(
        got.slice(0, 3).map((one) => [one.value?.byteLength, one.headers]),
        [
          [1, headers],
          [undefined, {}],
          [0, {}],
        ],
      );
      const refused = (error: unknown) => isAppError(error, "LOG_RECORD_INVALID");
      const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`h${i}`, ""]));
      for (const bad of [{ Upper: "x" }, { "": "x" }, { long: "x".repeat(257) }, many]) {
        await assert.rejects(log.append(topic, [{ ...record("k", "x"), headers: bad }]), refused);
      }
    });

    it("says how far a group lags behind", async () => {
      const [topic, group] = [await freshTopic(), freshGroup()];
      await log.append(topic, [record("a", "1"), record("b", "2"), record("c", "3")]);
      assert.equal(await log.lag(topic, group), 3);
      const own = new AbortController();
      const { handle, size } = collector();
      const consuming = consume(topic, group, handle, own.signal);
      await eventually("the group is level", async () => size() === 3 && (await log.lag(topic, group)) === 0);
      own.abort();
      await consuming;
      await log.append(topic, [record("a", "4"), record("a", "5")]);
      assert.equal(await log.lag(topic, group), 2);
      assert.equal(await log.lag(topic, freshGroup()), 5);
    });

    it("tells a handler when its partition goes to another one, and hands out the batch again", async () => {
      const [topic, group] = [await freshTopic(), freshGroup()];
      await log.append(topic, [record("k", "1")]);
      let tries = 0;
      let wasTold = false;
      const { handle, size } = collector();
      consume(topic, group, async (batch, signal) => {
        tries += 1;
        if (tries > 1) return handle(batch);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        // It ends well, and too late: the batch is another one's.
        wasTold = !stop.signal.aborted;
      });
      await eventually("the handler runs", () => tries === 1);
      await takeAway(topic, group);
      await eventually("the handler was told", () => wasTold);
      await eventually("the batch came again", () => size() === 1);
    });

    it("ends when the signal is aborted and the running handler has ended", async () => {
      const topic = await freshTopic();
      await log.append(topic, [record("k", "1")]);
      const own = new AbortController();
      let [started, ended] = [false, false];
      const consuming = consume(
        topic,
        freshGroup(),
        async (_batch, signal) => {
          started = true;
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          ended = true;
        },
        own.signal,
      );
      await eventually("the handler runs", () => started);
      own.abort();
      await consuming;
      assert.ok(ended);
    });

    it("carries 900 KiB and refuses more, or a key that is too long", async () => {
      const topic = await freshTopic();
      await log.append(topic, [{ key: "large", value: new Uint8Array(900 * 1024) }]);
      const { handle, size } = collector();
      consume(topic, freshGroup(), handle);
      await eventually("the large record", () => size() === 1);
      const refused = (error: unknown) => isAppError(error, "LOG_RECORD_INVALID");
      await assert.rejects(log.append(topic, [{ key: "k", value: new Uint8Array(900 * 1024 + 1) }]), refused);
      await assert.rejects(log.append(topic, [record("k".repeat(129), "x")]), refused);
      await assert.rejects(log.append(topic, [record("", "x")]), refused);
    });
  });
}
