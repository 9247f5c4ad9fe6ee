/** Token buckets of this process: what protects it must not wait for anything outside it. */

import { LRUCache } from "lru-cache";
import { type Bucket, takeFrom } from "#pkg/cache/bucket";
import type { Clock } from "#pkg/clock/clock";

/** About 20 MB; a bucket that is forgotten is full again. */
const MAX_BUCKETS = 100_000;

export class Buckets {
  readonly #clock: Clock;
  readonly #fullAtMs = new LRUCache<string, number>({ max: MAX_BUCKETS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one token. 0 where there was one, else the milliseconds until there is. */
  take(key: string, bucket: Bucket): number {
    const { fullAtMs, retryAfterMs } = takeFrom(this.#fullAtMs.get(key), this.#clock.now().getTime(), bucket);
    if (retryAfterMs === 0) this.#fullAtMs.set(key, fullAtMs);
    return retryAfterMs;
  }

  /** What `take` would answer, taking none. */
  wait(key: string, bucket: Bucket): number {
    return takeFrom(this.#fullAtMs.get(key), this.#clock.now().getTime(), bucket).retryAfterMs;
  }
}
