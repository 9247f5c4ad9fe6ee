/** A cache inside one process: bounded, least recently used out first. Each operation runs without yielding. */

import { LRUCache } from "lru-cache";
import type { Clock } from "#pkg/clock/clock";
import { takeFrom } from "./bucket.ts";
import type { Cache } from "./cache.ts";
import { errors } from "./errors.ts";
import { checkKey, checkKeys, checkTtl, checkValue } from "./limits.ts";

export interface MemoryCacheOptions {
  readonly clock: Clock;
  /** 64 MiB by default, counting keys and values. */
  readonly maxBytes?: number;
}

interface Item {
  readonly value: string;
  readonly expiresAtMs: number;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** What an entry costs beside its text. */
const ITEM_BYTES = 128;

export function openMemoryCache(options: MemoryCacheOptions): Cache {
  const items = new LRUCache<string, Item>({
    maxSize: options.maxBytes ?? DEFAULT_MAX_BYTES,
    sizeCalculation: (item, key) => ITEM_BYTES + 2 * (key.length + item.value.length),
  });
  let isOpen = true;
  const nowMs = () => options.clock.now().getTime();

  function read(key: string): Item | undefined {
    if (!isOpen) throw errors.CACHE_UNAVAILABLE(new Error("the cache was disposed of"));
    const item = items.get(key);
    if (item === undefined || item.expiresAtMs > nowMs()) return item;
    items.delete(key);
    return undefined;
  }

  function write(key: string, value: string, ttlMs: number): void {
    if (!isOpen) throw errors.CACHE_UNAVAILABLE(new Error("the cache was disposed of"));
    items.set(key, { value, expiresAtMs: nowMs() + ttlMs });
  }

  return {
    async get(key) {
      checkKey(key);
      return read(key)?.value;
    },

    async getMany(keys) {
      checkKeys(keys);
      return keys.map((key) => read(key)?.value);
    },

    async set(key, value, ttlMs) {
      checkKey(key);
      checkValue(value, ttlMs);
      write(key, value, ttlMs);
    },

    async setIfAbsent(key, value, ttlMs) {
      checkKey(key);
      checkValue(value, ttlMs);
      if (read(key) !== undefined) return false;
      write(key, value, ttlMs);
      return true;
    },

    async compareAndSet(key, expected, value, ttlMs) {
      checkKey(key);
      checkValue(value, ttlMs);
      const found = read(key)?.value;
      if (found !== expected) return { isSet: false, value: found };
      write(key, value, ttlMs);
      return { isSet: true };
    },

    async delete(key) {
      checkKey(key);
      if (read(key) !== undefined) items.delete(key);
    },

    async increment(key, by, ttlMs) {
      checkKey(key);
      checkTtl(ttlMs);
      const item = read(key);
      const sum = (item === undefined ? 0 : toCount(key, item.value)) + by;
      items.set(key, { value: String(sum), expiresAtMs: item?.expiresAtMs ?? nowMs() + ttlMs });
      return sum;
    },

    async takeToken(key, bucket) {
      checkKey(key);
      const now = nowMs();
      const kept = read(key)?.value;
      const { fullAtMs, retryAfterMs } = takeFrom(kept === undefined ? undefined : Number(kept), now, bucket);
      if (retryAfterMs === 0) write(key, String(fullAtMs), fullAtMs - now);
      return { retryAfterMs };
    },

    async [Symbol.asyncDispose]() {
      isOpen = false;
      items.clear();
    },
  };
}

function toCount(key: string, value: string): number {
  if (!/^-?\d{1,15}$/.test(value)) throw errors.CACHE_NOT_A_COUNTER(key);
  return Number(value);
}
