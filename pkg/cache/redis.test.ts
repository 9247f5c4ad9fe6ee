import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog } from "#pkg/testkit/postgres";
import { startRedis } from "#pkg/testkit/redis";
import { describeCache } from "./conformance.ts";
import { openRedisCache } from "./redis.ts";

for (const kind of ["single", "cluster"] as const) {
  describeCache(`redis, ${kind}`, async () => {
    const server = await startRedis(kind);
    const cache = openRedisCache({ url: server.url, log: quietLog });
    return {
      cache,
      pass: (ms) => delay(ms),
      takeAway: () => server.kill(),
      async [Symbol.asyncDispose]() {
        await cache[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  });
}

describe("the cache in Redis", () => {
  const unavailable = (error: unknown) => isAppError(error, "CACHE_UNAVAILABLE") && error.kind === "unavailable";

  it("says within a bound that it is away, and goes on when it is back", async () => {
    await using server = await startRedis();
    await using cache = openRedisCache({ url: server.url, log: quietLog });
    await cache.set("kept", "1", 60_000);
    server.freeze(true);
    await assert.rejects(cache.get("kept"), unavailable);
    await assert.rejects(cache.compareAndSet("kept", "1", "2", 60_000), unavailable);
    server.freeze(false);
    await eventually("it answers again", () => cache.get("kept").then(Boolean, () => false));
  });
});
