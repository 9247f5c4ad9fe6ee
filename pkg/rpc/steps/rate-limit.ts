/** Gives each caller from outside a token bucket per target. */

import type { Cache } from "#pkg/cache/cache";
import type { Logger } from "#pkg/obs/obs";
import { rateLimited } from "../errors.ts";
import { networkOf } from "../network.ts";
import type { ServerCall } from "../server-call.ts";
import type { Step } from "./step.ts";

export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimitOptions {
  readonly cache: Pick<Cache, "takeToken">;
  readonly log: Logger;
  /** For targets that say nothing themselves. */
  readonly standard: RateLimit;
}

export function rateLimitStep(options: RateLimitOptions): Step {
  return {
    name: "rate limit",
    async enter(call) {
      // Modules are limited by their own deadlines and pools; limiting them here would fail people at random.
      if (call.peer !== undefined) return;
      const bucket = call.target.access.rateLimit ?? options.standard;
      const retryAfterMs = await take(call, bucket);
      if (retryAfterMs > 0) throw rateLimited(retryAfterMs);
    },
  };

  async function take(call: ServerCall, bucket: RateLimit): Promise<number> {
    try {
      return (await options.cache.takeToken(`rate/${call.target.name}/${callerOf(call)}`, bucket)).retryAfterMs;
    } catch (error) {
      // A cache may vanish at any time; people keep watching meanwhile.
      options.log.warn({ err: error, target: call.target.name }, "rate limit not checked");
      return 0;
    }
  }
}

/** A person or a play wherever it comes from, so that many behind one address do not share a bucket; else the network. */
function callerOf(call: ServerCall): string {
  const { principal } = call;
  if (principal.kind === "user") return principal.accountId;
  if (principal.kind === "play_session") return `play/${principal.claims.sub}`;
  return networkOf(call.remoteAddress);
}
