/** What every cache promises, as tests: whoever writes an adapter makes these pass. */

import assert from "node:assert/strict";
import { isAppError } from "#pkg/errors/errors";
import type { Cache } from "./cache.ts";

export interface CacheUnderTest extends AsyncDisposable {
  /** An empty cache. */
  readonly cache: Cache;
  /** Lets time pass for the cache: moves a manual clock, or waits. */
  readonly pass: (ms: number) => Promise<void>;
  /** Takes the engine away for good; one that cannot be away but with its cache disposes of that. */
  readonly takeAway: () => Promise<void>;
}

const MINUTE = 60_000;
/** What the port bounds an operation by, and as much again for a slow machine. */
const AWAY_MS = 10_000;
/** Short enough to wait for where time is real, long enough for a slow engine. */
const SHORT = 300;

export function describeCache(name: string, open: () => Promise<CacheUnderTest>): void {
  describe(`cache: ${name}`, () => {
    let opened: CacheUnderTest;
    let cache: Cache;

    before(async () => {
      opened = await open();
      cache = opened.cache;
    });
    after(() => opened?.[Symbol.asyncDispose]());

    it("gives back a value until its time to live has passed", async () => {
      assert.equal(await cache.get("value"), undefined);
      await cache.set("value", "söme", SHORT);
      assert.equal(await cache.get("value"), "söme");
      await opened.pass(SHORT + 1);
      assert.equal(await cache.get("value"), undefined);
    });

    it("gives back many values in the order of their keys", async () => {
      await cache.set("many a", "1", MINUTE);
      await cache.set("many b", "", MINUTE);
      assert.deepEqual(await cache.getMany(["many b", "none", "many a", "many b"]), ["", undefined, "1", ""]);
      assert.deepEqual(await cache.getMany([]), []);
    });

    it("replaces a value together with its time to live", async () => {
      await cache.set("replaced", "1", SHORT);
      await cache.set("replaced", "2", MINUTE);
      await opened.pass(SHORT + 1);
      assert.equal(await cache.get("replaced"), "2");
    });

    it("forgets a deleted value", async () => {
      await cache.set("deleted", "1", MINUTE);
      await cache.delete("deleted");
      await cache.delete("deleted");
      assert.equal(await cache.get("deleted"), undefined);
    });

    it("keeps an empty value apart from none", async () => {
      await cache.set("empty", "", MINUTE);
      assert.equal(await cache.get("empty"), "");
      assert.equal(await cache.setIfAbsent("empty", "x", MINUTE), false);
    });

    it("lets one of many simultaneous first writers win", async () => {
      const writers = Array.from({ length: 10 }, (_, i) => cache.setIfAbsent("first", String(i), MINUTE));
      const won = (await Promise.all(writers)).flatMap((set, i) => (set ? [String(i)] : []));
      assert.equal(won.length, 1);
      assert.equal(await cache.get("first"), won[0]);
    });

    it("lets a first writer in again once the value has expired", async () => {
      assert.equal(await cache.setIfAbsent("again", "1", SHORT), true);
      assert.equal(await cache.setIfAbsent("again", "2", SHORT), false);
      await opened.pass(SHORT + 1);
      assert.equal(await cache.setIfAbsent("again", "3", MINUTE), true);
    });

    it("sets a value only over the one that is expected", async () => {
      assert.deepEqual(await cache.compareAndSet("cas", "none", "1", MINUTE), { isSet: false, value: undefined });
      await cache.set("cas", "1", MINUTE);
      assert.deepEqual(await cache.compareAndSet("cas", "2", "3", MINUTE), { isSet: false, value: "1" });
      const writers = [2, 3, 4, 5].map((i) => cache.compareAndSet("cas", "1", String(i), MINUTE));
      const swaps = await Promise.all(writers);
      assert.equal(swaps.filter(({ isSet }) => isSet).length, 1);
      // Each of the others is told what the one has set.
      const value = await cache.get("cas");
      assert.deepEqual(
        swaps.filter((swap) => !swap.isSet),
        [0, 1, 2].map(() => ({ isSet: false, value })),
      );
    });

    it("loses no simultaneous increment", async () => {
      await Promise.all(Array.from({ length: 50 }, () => cache.increment("count", 2, MINUTE)));
      assert.equal(await cache.increment("count", -1, MINUTE), 99);
      assert.equal(await cache.get("count"), "99");
    });

    it("starts a counter's time to live with the first addition", async () => {
      await cache.increment("window", 1, SHORT);
      await opened.pass(SHORT / 2);
      assert.equal(await cache.increment("window", 1, SHORT), 2);
      await opened.pass(SHORT / 2 + 1);
      assert.equal(await cache.increment("window", 1, SHORT), 1);
    });

    it("refuses to count on what is no number", async () => {
      await cache.set("text", "abc", MINUTE);
      await assert.rejects(cache.increment("text", 1, MINUTE), (error) => isAppError(error, "CACHE_NOT_A_COUNTER"));
    });

    it("gives a bucket's burst at once, then tokens at its rate", async () => {
      const bucket = { perSecond: 2, burst: 3 };
      for (let i = 0; i < 3; i++) assert.equal((await cache.takeToken("bucket", bucket)).retryAfterMs, 0);
      const { retryAfterMs } = await cache.takeToken("bucket", bucket);
      assert.ok(retryAfterMs > 0 && retryAfterMs <= 500, String(retryAfterMs));
      await opened.pass(retryAfterMs);
      assert.equal((await cache.takeToken("bucket", bucket)).retryAfterMs, 0);
      assert.ok((await cache.takeToken("bucket", bucket)).retryAfterMs > 0);
    });

    it("gives simultaneous takers no more than the burst", async () => {
      const bucket = { perSecond: 0.1, burst: 5 };
      const takers = Array.from({ length: 12 }, () => cache.takeToken("crowd", bucket));
      const taken = (await Promise.all(takers)).filter(({ retryAfterMs }) => retryAfterMs === 0);
      assert.equal(taken.length, 5);
    });

    it("refuses what another cache could not hold", async () => {
      const refused = (error: unknown) => isAppError(error, "CACHE_LIMIT_EXCEEDED");
      await assert.rejects(cache.set("big", "x".repeat(1024 * 1024 + 1), MINUTE), refused);
      await assert.rejects(cache.set("k".repeat(251), "x", MINUTE), refused);
      await assert.rejects(cache.get(""), refused);
      await assert.rejects(cache.set("now", "x", 0), refused);
      await assert.rejects(cache.getMany(Array.from({ length: 101 }, (_, i) => `key${i}`)), refused);
      await assert.rejects(cache.getMany(["good", ""]), refused);
      await cache.set("k".repeat(250), "x".repeat(1024 * 1024), MINUTE);
    });

    it("says within its bound that the engine is away, whatever is asked", async () => {
      await using own = await open();
      await own.takeAway();
      const operations: Record<keyof Omit<Cache, typeof Symbol.asyncDispose>, () => Promise<unknown>> = {
        get: () => own.cache.get("k"),
        getMany: () => own.cache.getMany(["k", "l"]),
        set: () => own.cache.set("k", "v", MINUTE),
        setIfAbsent: () => own.cache.setIfAbsent("k", "v", MINUTE),
        compareAndSet: () => own.cache.compareAndSet("k", "v", "w", MINUTE),
        delete: () => own.cache.delete("k"),
        increment: () => own.cache.increment("k", 1, MINUTE),
        takeToken: () => own.cache.takeToken("k", { perSecond: 1, burst: 1 }),
      };
      const began = performance.now();
      await Promise.all(
        Object.entries(operations).map(([operation, run]) =>
          assert.rejects(
            run(),
            (error) => isAppError(error, "CACHE_UNAVAILABLE") && error.kind === "unavailable",
            operation,
          ),
        ),
      );
      assert.ok(performance.now() - began < AWAY_MS);
    });
  });
}
