/** Content keys in the clear for a short while, so that the key service is not asked for every licence. */

import { LRUCache } from "lru-cache";
import type { Clock } from "#pkg/clock/clock";
import { type Keys, SecretBytes } from "#pkg/keys/keys";
import { keyContext, toKid, type WrappedContentKey } from "./domain/content-key.ts";

export interface UnwrappedKeys extends Disposable {
  /** The row of a key that is kept, so that the store need not be asked for it. */
  row(kid: string): WrappedContentKey | undefined;
  /** A copy that the caller zeroes. Throws `KEY_UNWRAP_FAILED` where the row and its context do not belong together. */
  open(key: WrappedContentKey): Promise<SecretBytes>;
  /** Zeroes the keys of an asset that is gone. */
  forget(assetId: string): void;
  /** Zeroes what is too old, until the signal is aborted. */
  sweep(signal: AbortSignal): Promise<void>;
}

export interface KeyCacheOptions {
  readonly keys: Keys;
  readonly clock: Clock;
  /** Keys at most; 0 keeps none. */
  readonly size: number;
  readonly ttlMs: number;
}

interface Kept {
  readonly row: WrappedContentKey;
  readonly secret: SecretBytes;
  readonly untilMs: number;
}

/** Whatever leaves the cache is zeroed. */
export function newKeyCache(options: KeyCacheOptions): UnwrappedKeys {
  const { keys, clock, size, ttlMs } = options;
  const cache = new LRUCache<string, Kept>({
    max: Math.max(1, size),
    dispose: ({ secret }) => secret[Symbol.dispose](),
  });

  function purge(): void {
    const nowMs = clock.now().getTime();
    for (const [kid, { untilMs }] of cache.entries()) if (nowMs >= untilMs) cache.delete(kid);
  }

  function find(kid: string): Kept | undefined {
    const known = cache.get(kid);
    return known !== undefined && clock.now().getTime() < known.untilMs ? known : undefined;
  }

  return {
    row: (kid) => find(kid)?.row,

    async open(key) {
      const kid = toKid(key.keyId);
      const known = find(kid);
      if (known !== undefined) return copyOf(known.secret);
      const secret = await keys.unwrap(key.wrappedKey, keyContext(key));
      if (size === 0) return secret;
      cache.set(kid, { row: key, secret: copyOf(secret), untilMs: clock.now().getTime() + ttlMs });
      return secret;
    },

    forget(assetId) {
      for (const [kid, { row }] of cache.entries()) if (row.assetId === assetId) cache.delete(kid);
    },

    async sweep(signal) {
      while (!signal.aborted) {
        await clock.sleep(ttlMs, signal).catch(() => undefined);
        purge();
      }
      cache.clear();
    },

    [Symbol.dispose]() {
      cache.clear();
    },
  };
}

function copyOf(secret: SecretBytes): SecretBytes {
  return new SecretBytes(new Uint8Array(secret.reveal()));
}
