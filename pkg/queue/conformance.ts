/** What every queue adapter must keep, one case per promise of the port. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import type { Queue, QueueMessage } from "./queue.ts";

/**
 * `open` gives an adapter on the engine under test; it is disposed after the suite, and what `prepare` needs to make a
 * queue exist happens there. Cases use queues of fresh names, and time-outs of whole seconds, the least that SQS has.
 * They promise no order, not just-once, and no exact numbers; whatever takes time is awaited by polling.
 */
export function describeQueue(
  name: string,
  open: () => Promise<Queue>,
  prepare: (queue: string) => Promise<void> = async () => undefined,
): void {
  describe(`queue: ${name}`, () => {
    let queue: Queue;

    before(async () => {
      queue = await open();
    });
    after(() => queue[Symbol.asyncDispose]());

    async function freshName(): Promise<string> {
      const fresh = `conformance-${randomUUID()}`;
      await prepare(fresh);
      return fresh;
    }

    const receive = (from: string, visibilitySeconds = 60) =>
      queue.receive(from, { max: 10, waitSeconds: 1, visibilitySeconds });

    /** Receives until `count` different bodies came; repeats are allowed, and acknowledged like the first. */
    async function drain(from: string, count: number, visibilitySeconds?: number): Promise<Map<string, QueueMessage>> {
      const seen = new Map<string, QueueMessage>();
      await eventually(`${count} messages received`, async () => {
        for (const message of await receive(from, visibilitySeconds)) seen.set(message.body, message);
        return seen.size >= count;
      });
      return seen;
    }

    it("hands over every message that was sent, whatever characters it holds", async () => {
      const to = await freshName();
      const bodies = [
        "plain",
        '{"json": true}',
        "Größe 🎬 映画",
        "line\nbreak",
        ...Array.from({ length: 20 }, (_, i) => `n${i}`),
      ];
      for (const body of bodies) await queue.send(to, body);
      const seen = await drain(to, bodies.length);
      assert.deepEqual([...seen.keys()].sort(), [...bodies].sort());
    });

    it("hands over at most as many messages as asked for", async () => {
      const to = await freshName();
      for (let i = 0; i < 5; i++) await queue.send(to, `m${i}`);
      const first = await queue.receive(to, { max: 2, waitSeconds: 1, visibilitySeconds: 60 });
      assert.ok(first.length <= 2);
    });

    it("hides a received message from other receivers, and counts it as in flight", async () => {
      const to = await freshName();
      await queue.send(to, "hidden");
      await drain(to, 1);
      assert.deepEqual(await queue.receive(to, { max: 10, waitSeconds: 0, visibilitySeconds: 60 }), []);
      await eventually("one in flight", async () => (await queue.depth(to)).inFlight === 1);
    });

    it("hands a message out again when its visibility time-out passes, with a higher receive count", async () => {
      const to = await freshName();
      await queue.send(to, "again");
      const first = (await drain(to, 1, 1)).get("again");
      const second = (await drain(to, 1)).get("again");
      assert.equal(second?.id, first?.id);
      assert.ok((second?.receiveCount ?? 0) > (first?.receiveCount ?? 0));
    });

    it("hands a message out again at once when its visibility is set to zero", async () => {
      const to = await freshName();
      await queue.send(to, "retry");
      await (await drain(to, 1)).get("retry")?.setVisibility(0);
      assert.equal((await drain(to, 1)).size, 1);
    });

    it("keeps a message hidden for as long as its receiver goes on extending", async () => {
      const to = await freshName();
      await queue.send(to, "long work");
      const message = (await drain(to, 1, 2)).get("long work");
      await message?.setVisibility(60);
      // longer than the first time-out
      assert.deepEqual(await queue.receive(to, { max: 10, waitSeconds: 3, visibilitySeconds: 60 }), []);
    });

    it("removes an acknowledged message for good", async () => {
      const to = await freshName();
      await queue.send(to, "done");
      await (await drain(to, 1, 1)).get("done")?.ack();
      await eventually("the queue is empty", async () => {
        const { visible, inFlight } = await queue.depth(to);
        return visible === 0 && inFlight === 0;
      });
    });

    it("takes a second acknowledgement without an error", async () => {
      const to = await freshName();
      await queue.send(to, "twice");
      const message = (await drain(to, 1)).get("twice");
      await message?.ack();
      await message?.ack();
    });

    it("holds a delayed message back", async () => {
      const to = await freshName();
      const sentAt = performance.now();
      await queue.send(to, "late", { delaySeconds: 2 });
      await drain(to, 1);
      // clocks of queue and test may differ by a little
      assert.ok(performance.now() - sentAt > 1500);
    });

    it("wakes a waiting receiver when a message comes", async () => {
      const to = await freshName();
      const waiting = queue.receive(to, { max: 1, waitSeconds: 20, visibilitySeconds: 60 });
      await queue.send(to, "wake up");
      assert.equal((await waiting)[0]?.body, "wake up");
    });

    it("keeps queues apart", async () => {
      const [one, other] = [await freshName(), await freshName()];
      await queue.send(one, "for one");
      assert.deepEqual(await queue.receive(other, { max: 10, waitSeconds: 0, visibilitySeconds: 60 }), []);
      assert.equal((await drain(one, 1)).size, 1);
    });

    it("shares messages out between receivers that ask at the same time", async () => {
      const to = await freshName();
      for (let i = 0; i < 30; i++) await queue.send(to, `m${i}`);
      const seen = new Set<string>();
      await eventually("all messages received by three receivers", async () => {
        for (const batch of await Promise.all([receive(to), receive(to), receive(to)])) {
          for (const message of batch) {
            seen.add(message.body);
            await message.ack();
          }
        }
        return seen.size === 30;
      });
    });

    it("ends waiting when the signal is aborted, without an error", async () => {
      const to = await freshName();
      const abort = new AbortController();
      const waiting = queue.receive(to, { max: 1, waitSeconds: 20, visibilitySeconds: 1, signal: abort.signal });
      abort.abort();
      assert.deepEqual(await waiting, []);
    });

    it("refuses a body that is empty or holds control characters", async () => {
      const to = await freshName();
      for (const body of ["", "a\u0000b"]) {
        await assert.rejects(queue.send(to, body), (error) => isAppError(error, "QUEUE_ARGUMENT_INVALID"));
      }
    });

    it("sends and acknowledges many at once, more than one round trip may carry", async () => {
      const to = await freshName();
      const bodies = Array.from({ length: 25 }, (_, i) => `m${i}`);
      await queue.sendMany(to, bodies);
      await queue.sendMany(to, []);
      const seen = await drain(to, 25);
      assert.deepEqual([...seen.keys()].sort(), [...bodies].sort());
      await queue.ackMany(to, [...seen.values()]);
      await queue.ackMany(to, []);
      await eventually("the queue is empty", async () => {
        const { visible, inFlight } = await queue.depth(to);
        return visible === 0 && inFlight === 0;
      });
    });

    it("sends many late, and none where one could not be sent", async () => {
      const to = await freshName();
      await queue.sendMany(to, ["a", "b"], { delaySeconds: 2 });
      assert.deepEqual(await queue.receive(to, { max: 10, waitSeconds: 0, visibilitySeconds: 60 }), []);
      assert.equal((await drain(to, 2)).size, 2);
      await assert.rejects(queue.sendMany(to, ["good", ""]), (error) => isAppError(error, "QUEUE_ARGUMENT_INVALID"));
      assert.deepEqual(await queue.receive(to, { max: 10, waitSeconds: 0, visibilitySeconds: 60 }), []);
    });

    it("takes what a receiver does too late without an error, and hides or shows the message to nobody by it", async () => {
      const to = await freshName();
      await queue.send(to, "slow");
      const late = (await drain(to, 1, 1)).get("slow");
      const now = (await drain(to, 1)).get("slow");
      assert.equal(now?.id, late?.id);
      await late?.setVisibility(0);
      assert.deepEqual(await queue.receive(to, { max: 10, waitSeconds: 0, visibilitySeconds: 60 }), []);
      await now?.ack();
      await late?.setVisibility(0);
      await late?.ack();
      await queue.ackMany(to, late === undefined ? [] : [late]);
      assert.deepEqual(await queue.receive(to, { max: 10, waitSeconds: 0, visibilitySeconds: 60 }), []);
    });

    it("refuses parts of seconds", async () => {
      const to = await freshName();
      const refused = (error: unknown) => isAppError(error, "QUEUE_ARGUMENT_INVALID");
      await assert.rejects(queue.send(to, "x", { delaySeconds: 0.5 }), refused);
      await assert.rejects(queue.receive(to, { max: 1, waitSeconds: 0.5, visibilitySeconds: 1 }), refused);
      await assert.rejects(queue.receive(to, { max: 1, waitSeconds: 0, visibilitySeconds: 1.5 }), refused);
      await queue.send(to, "x");
      await assert.rejects(async () => (await drain(to, 1)).get("x")?.setVisibility(0.1), refused);
    });

    it("refuses a body over 256 KiB and a delay over 15 minutes", async () => {
      const to = await freshName();
      const refused = (error: unknown) => isAppError(error, "QUEUE_ARGUMENT_INVALID");
      await assert.rejects(queue.send(to, "x".repeat(256 * 1024 + 1)), refused);
      await assert.rejects(queue.send(to, "x", { delaySeconds: 15 * 60 + 1 }), refused);
    });
  });
}
