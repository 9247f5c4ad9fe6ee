/** What every cache adapter checks before it touches its engine. */

import { errors } from "./errors.ts";

const MAX_KEY_LENGTH = 250;
const MAX_KEYS = 100;
const MAX_VALUE_BYTES = 1024 * 1024;

/** Throws `CACHE_LIMIT_EXCEEDED`. */
export function checkKey(key: string): void {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
    throw errors.CACHE_LIMIT_EXCEEDED(`A cache key has 1 to ${MAX_KEY_LENGTH} characters, this one has ${key.length}.`);
  }
}

/** Throws `CACHE_LIMIT_EXCEEDED`. */
export function checkKeys(keys: readonly string[]): void {
  if (keys.length > MAX_KEYS)
    throw errors.CACHE_LIMIT_EXCEEDED(`At most ${MAX_KEYS} keys are read at once, not ${keys.length}.`);
  for (const key of keys) checkKey(key);
}

/** Throws `CACHE_LIMIT_EXCEEDED`. */
export function checkValue(value: string, ttlMs: number): void {
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) {
    throw errors.CACHE_LIMIT_EXCEEDED(`A cached value has at most ${MAX_VALUE_BYTES} bytes.`);
  }
  checkTtl(ttlMs);
}

/** Throws `CACHE_LIMIT_EXCEEDED`. */
export function checkTtl(ttlMs: number): void {
  if (!(ttlMs >= 1)) throw errors.CACHE_LIMIT_EXCEEDED(`A time to live is at least 1 ms, this one is ${ttlMs} ms.`);
}
