/**
 * Wrapping of small secrets under a root key that never leaves its keeper. What holds for every adapter, because AWS
 * KMS can keep it: what was wrapped under a context unwraps only under the same context; older wrapped values stay
 * readable after the root key was rotated. Each purpose has a keeper of its own, opened from a URL of its own.
 */

/**
 * Bound to the ciphertext as additional authenticated data, such as `{ purpose: "content-key", asset: "..." }`. Ids of
 * things only, never of people: keepers log it in the clear (AWS CloudTrail does, for each use). At most 8 pairs, names of
 * [A-Za-z0-9_-], values of [A-Za-z0-9._:/-].
 */
export type KeyContext = Readonly<Record<string, string>>;

export interface Keys extends AsyncDisposable {
  /**
   * Plaintext is 1 to 4,096 bytes. The result is opaque and at most 512 bytes longer. Throws `KEY_PLAINTEXT_SIZE`,
   * `KEY_CONTEXT_INVALID`.
   */
  wrap(plaintext: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  /** Throws `KEY_UNWRAP_FAILED` for another context, a changed ciphertext or an unknown root key. */
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<SecretBytes>;
  /** Makes a new root key, which wraps from now on; one rotation at a time. The old ones go on unwrapping. */
  rotate(): Promise<void>;
  ping(): Promise<void>;
}

/** Secret bytes that print as `[redacted]` and can be zeroed; `using` zeroes them at the end of the block. */
export class SecretBytes implements Disposable {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, valid until disposal; do not copy them further than needed. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[redacted]";
  }

  [Symbol.dispose](): void {
    this.#bytes.fill(0);
  }
}
