import assert from "node:assert/strict";
import { systemClock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { quietLog, testDb } from "#pkg/testkit/postgres";
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
    await assert.rejects(openQueue("gopher://x", deps), (error) => isAppError(error, "QUEUE_URL_UNKNOWN"));
  });
});
