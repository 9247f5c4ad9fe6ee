import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { systemClock } from "#pkg/clock/clock";
import { type AwsEnvironment, startMoto, type TestMoto, useEnvironment } from "#pkg/testkit/moto";
import { quietLog } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { describeQueue } from "./conformance.ts";
import { openQueue } from "./open.ts";
import type { Queue } from "./queue.ts";

const PREFIX = "matinee-test-";
/** What is promised, and a little for a busy machine. */
const BOUND_MS = 4_000;

const open = (url = `sqs:${PREFIX}`) =>
  openQueue(url, {
    postgres: async () => assert.fail("SQS needs no database"),
    clock: systemClock,
    log: quietLog,
  });

async function prepare(queue: string): Promise<void> {
  const client = new SQSClient();
  await client.send(new CreateQueueCommand({ QueueName: `${PREFIX}${queue}` }));
  client.destroy();
}

describe("Amazon SQS", () => {
  let moto: TestMoto;
  let environment: Disposable;

  before(async () => {
    moto = await startMoto();
    environment = useEnvironment(moto.environment);
  });
  after(async () => {
    environment?.[Symbol.dispose]();
    await moto?.[Symbol.asyncDispose]();
  });

  describeQueue("sqs", () => open(), prepare);

  // In a group of its own, for the last of them ends the engine.
  describe("the queue in it", () => {
    const now = { max: 10, waitSeconds: 0, visibilitySeconds: 60 } as const;

    async function freshName(): Promise<string> {
      const name = randomUUID();
      await prepare(name);
      return name;
    }

    it("is refused where the URL's prefix is none, and says so where a queue is not there", async () => {
      for (const url of ["sqs:a/b", `sqs:${"x".repeat(41)}`]) {
        await assert.rejects(open(url), refused("QUEUE_URL_INVALID"), url);
      }
      await using queue = await open();
      const name = randomUUID();
      await assert.rejects(queue.send(name, "x"), refused("QUEUE_MISSING"));
      await assert.rejects(queue.receive(name, now), refused("QUEUE_MISSING"));
      // It is looked for again.
      await prepare(name);
      await queue.send(name, "x");
    });

    it("sends many whose bytes together are more than a request may carry", async () => {
      await using queue = await open();
      const name = await freshName();
      // More than 1 MiB, which SQS has come to take.
      const bodies = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(200 * 1024));
      await queue.sendMany(name, bodies);
      assert.equal((await queue.depth(name)).visible, 6);
    });

    it("ends those who wait when it is closed", async () => {
      const queue = await open();
      const name = await freshName();
      await queue.depth(name);
      const startedAt = performance.now();
      const waiting = queue.receive(name, { ...now, waitSeconds: 20 });
      await queue[Symbol.asyncDispose]();
      assert.deepEqual(await waiting, []);
      assert.ok(performance.now() - startedAt < 5_000);
    });

    it("says that a permission is wanting", async () => {
      const name = await freshName();
      const openAs = async (user: AwsEnvironment, use: (queue: Queue) => Promise<void>) => {
        using _ = useEnvironment(user);
        await using queue = await open();
        await use(queue);
      };
      const sender = await moto.newUser(["sqs:GetQueueUrl", "sqs:SendMessage"]);
      await moto.checkUsers(true);
      try {
        await openAs(sender, async (queue) => {
          await assert.rejects(queue.receive(name, now), refused("QUEUE_DENIES"));
          await assert.rejects(queue.depth(name), refused("QUEUE_DENIES"));
        });
        await openAs({ ...moto.environment, AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE" }, async (queue) => {
          await assert.rejects(queue.send(name, "x"), refused("QUEUE_DENIES"));
        });
      } finally {
        await moto.checkUsers(false);
      }
    });

    for (const how of ["frozen", "gone"] as const) {
      it(`says within the bound that SQS is ${how}`, async () => {
        await using queue = await open();
        const name = await freshName();
        await queue.send(name, "x");
        const [message] = await queue.receive(name, now);
        assert.ok(message);
        if (how === "gone") await moto.kill();
        else moto.freeze(true);
        const startedAt = performance.now();
        await Promise.all(
          [
            queue.send(name, "y"),
            queue.receive(name, now),
            queue.receive(randomUUID(), now),
            queue.depth(name),
            message.setVisibility(30),
            message.ack(),
            queue.ackMany(name, [message]),
          ].map((asking) => assert.rejects(asking, refused("QUEUE_UNAVAILABLE"))),
        );
        assert.ok(performance.now() - startedAt < BOUND_MS);
        if (how === "gone") return;
        moto.freeze(false);
        await queue.ackMany(name, [message]);
      });
    }
  });
});
