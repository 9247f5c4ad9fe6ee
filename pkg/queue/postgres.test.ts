import assert from "node:assert/strict";
import { systemClock } from "#pkg/clock/clock";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { standingClock, untilQuiet, wokenEachTime } from "#pkg/testkit/woken";
import { describeQueue } from "./conformance.ts";
import { migrationsFor, openQueue } from "./open.ts";

const deps = {
  postgres: async () => (await testDb("port-queue", migrationsFor("postgres:"))).db,
  clock: systemClock,
  log: quietLog,
};

describeQueue("postgres", () => openQueue("postgres:", deps));

describe("the queue in PostgreSQL", () => {
  it("wakes who waits for a message when one is sent", async () => {
    await using queue = await openQueue("postgres:", { ...deps, clock: standingClock() });
    await wokenEachTime(async (number) => {
      const waiting = queue.receive("q", { max: 1, waitSeconds: 20, visibilitySeconds: 60 });
      await untilQuiet();
      await queue.send("q", String(number));
      const [message] = await waiting;
      assert.equal(message?.body, String(number));
      await message?.ack();
    });
  });
});

describe("openQueue", () => {
  it("refuses a URL that no adapter knows", async () => {
    await assert.rejects(openQueue("gopher://x", deps), refused("QUEUE_URL_UNKNOWN"));
  });
});
