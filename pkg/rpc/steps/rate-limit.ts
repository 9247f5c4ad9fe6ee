/** Gives each caller from outside a token bucket per target. */

import type { Bucket } from "#pkg/cache/bucket";
import type { Cache } from "#pkg/cache/cache";
import type { Logger } from "#pkg/obs/obs";
import type { Buckets } from "../buckets.ts";
import { callerOf } from "../caller.ts";
import { errors } from "../errors.ts";
import type { Step } from "./step.ts";

export interface RateLimitOptions {
  /** This process's own, asked first: a flood is refused without a word to the cache. */
  readonly buckets: Pick<Buckets, "take" | "wait">;
  /** Shared by all processes, for methods whose contract names a limit. */
  readonly cache: Pick<Cache, "takeToken">;
  readonly log: Logger;
  /** For targets that say nothing themselves. */
  readonly standard: Bucket;
}

export function rateLimitStep(options: RateLimitOptions): Step {
  return {
    name: "rate limit",
    enter(call) {
      // Modules are limited by their own deadlines and pools; limiting them here would fail people at random.
      if (call.peer !== undefined) return undefined;
      const { name, access } = call.target;
      const bucket = access.rateLimit ?? options.standard;
      const key = `rate/${name}/${callerOf(call)}`;
      const retryAfterMs = options.buckets.take(key, bucket);
      if (retryAfterMs > 0) throw errors.RATE_LIMITED(retryAfterMs);
      return access.rateLimit?.isShared === true ? takeShared(key, bucket) : undefined;
    },
  };

  async function takeShared(key: string, bucket: Bucket): Promise<void> {
    let retryAfterMs = 0;
    try {
      retryAfterMs = (await options.cache.takeToken(key, bucket)).retryAfterMs;
    } catch (error) {
      // A cache may vanish at any time; people keep watching meanwhile.
      options.log.warn({ err: error, key }, "rate limit not checked");
    }
    if (retryAfterMs > 0) throw errors.RATE_LIMITED(retryAfterMs);
  }
}
