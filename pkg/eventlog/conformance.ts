/** What every event log adapter must keep, one case per promise of the port. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import type { EventLog, LogRecord, StoredRecord } from "./eventlog.ts";

/**
 * Cases use fresh topics and groups, which `prepare` makes where the engine does not by itself. Order is asserted for
 * records of one key only; batches may be cut anywhere, and a record may come more than once.
 */
export function describeEventLog(
  name: string,
  open: () => Promise<EventLog>,
  prepare: (topic: string) => Promise<void> = async () => undefined,
): void {
  describe(`event log: ${name}`, () => {
    let log: EventLog;
    let stop: AbortController;
    let running: Promise<void>[];

    before(async () => {
      log = await open();
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
      assert.equal(got.find((one) => one.key === "empty")?.value.byteLength, 0);
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
