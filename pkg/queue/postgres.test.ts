import assert from "node:assert/strict";
import { systemClock } from "#pkg/clock/clock";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { describeQueue } from "./conformance.ts";
import { migrationsFor, openQueue } from "./open.ts";

const deps = {
  postgres: async () => (await testDb("port-queue", migrationsFor("postgres:"))).db,
  clock: systemClock,
  log: quietLog,
};

describeQueue("postgres", () => openQueue("postgres:", deps));

describe("openQueue", () => {
  it("refuses a URL that no adapter knows", async () => {
    await assert.rejects(openQueue("gopher://x", deps), refused("QUEUE_URL_UNKNOWN"));
  });
});
