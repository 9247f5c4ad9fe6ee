/** What came of a compare and set. */
export type Swap = { readonly isSet: true } | { readonly isSet: false; readonly value: string | undefined };

/**
 * Values that may vanish at any time. What holds for every adapter, because a Redis cluster can keep it: each single
 * operation is atomic; nothing holds across keys; a value may be gone before its time to live. Of a key with braces a
 * cluster hashes what is in them. While the engine is away, and once the cache is disposed of, every operation throws
 * `CACHE_UNAVAILABLE` within 5 s.
 */

export interface Cache extends AsyncDisposable {
  get(key: string): Promise<string | undefined>;
  /** The values of up to 100 keys in their order, read one by one: between two of them others may write. */
  getMany(keys: readonly string[]): Promise<(string | undefined)[]>;
  /** Values are at most 1 MiB, keys at most 250 characters, `ttlMs` at least 1 ms. */
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /** Sets only where there is no value; true where it was set. */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean>;
  /** Sets only where the value is `expected`, and tells otherwise what it is, so that nobody need read it to try again. */
  compareAndSet(key: string, expected: string, value: string, ttlMs: number): Promise<Swap>;
  delete(key: string): Promise<void>;
  /** Adds to a counter and returns the sum; the time to live starts with the first addition. */
  increment(key: string, by: number, ttlMs: number): Promise<number>;
  /**
   * Takes one token from a bucket that holds `burst` and refills at `perSecond`. `retryAfterMs` is 0 where it was
   * taken.
   */
  takeToken(
    key: string,
    bucket: { readonly perSecond: number; readonly burst: number },
  ): Promise<{ readonly retryAfterMs: number }>;
}
