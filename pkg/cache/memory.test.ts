import assert from "node:assert/strict";
import { ManualClock } from "#pkg/clock/clock";
import { describeCache } from "./conformance.ts";
import { openMemoryCache } from "./memory.ts";

describeCache("memory", async () => {
  const clock = new ManualClock(new Date("2026-01-01T00:00:00Z"));
  const cache = openMemoryCache({ clock });
  return {
    cache,
    takeAway: async () => cache[Symbol.asyncDispose](),
    pass: async (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
});

describe("the memory cache", () => {
  it("drops the least recently used values when it is full", async () => {
    await using cache = openMemoryCache({ clock: new ManualClock(new Date(0)), maxBytes: 10_000 });
    for (let i = 0; i < 20; i++) {
      await cache.set(`key${i}`, "x".repeat(500), 60_000);
      await cache.get("key0");
    }
    assert.notEqual(await cache.get("key0"), undefined);
    assert.equal(await cache.get("key1"), undefined);
    assert.notEqual(await cache.get("key19"), undefined);
  });
});
