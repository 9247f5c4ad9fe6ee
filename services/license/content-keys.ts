/** Makes content keys, answers them to the packager, and deletes them with their asset. */

import { randomBytes } from "node:crypto";
import type { Clock } from "#pkg/clock/clock";
import { type Keys, SecretBytes } from "#pkg/keys/keys";
import type { Db } from "#pkg/postgres/db";
import { type ContentKeyIv, KEY_BYTES, KEY_ID_BYTES, type KeyClass, keyContext, toKid } from "./domain/content-key.ts";
import { errors } from "./errors.ts";
import type { UnwrappedKeys } from "./key-cache.ts";
import type { KeyStore } from "./store/key-store.ts";

export interface ContentKeysOptions {
  readonly db: Db;
  readonly store: KeyStore;
  readonly keys: Keys;
  readonly unwrapped: UnwrappedKeys;
  readonly clock: Clock;
}

export interface ClearContentKey {
  readonly keyId: Uint8Array;
  readonly keyClass: KeyClass;
  /** The caller zeroes it. */
  readonly key: SecretBytes;
}

const ONLY_PERIOD = 0n;

export class ContentKeys {
  readonly #options: ContentKeysOptions;

  constructor(options: ContentKeysOptions) {
    this.#options = options;
  }

  /**
   * One key for each class, made where there was none; the same ones at every call. Throws `KEYS_OF_DELETED_ASSET`, and
   * `CRYPTO_PERIOD_UNSUPPORTED` for another period than the one that assets have.
   */
  async ensure(assetId: string, classes: readonly KeyClass[], cryptoPeriod: bigint): Promise<ClearContentKey[]> {
    const { store, unwrapped } = this.#options;
    // The key of another period in its place would be one that never rotates.
    if (cryptoPeriod !== ONLY_PERIOD) throw errors.CRYPTO_PERIOD_UNSUPPORTED(cryptoPeriod);
    const there = new Set((await store.ofAsset(assetId, classes)).map((key) => key.keyClass));
    for (const keyClass of classes) if (!there.has(keyClass)) await this.#make(assetId, keyClass);
    const stored = await store.ofAsset(assetId, classes);
    if (stored.length !== classes.length) throw errors.KEYS_OF_DELETED_ASSET();
    const opened: ClearContentKey[] = [];
    for (const key of stored) {
      opened.push({ keyId: key.keyId, keyClass: key.keyClass, key: await unwrapped.open(key) });
    }
    return opened;
  }

  /** Stores what the packager drew. Throws `CONTENT_KEY_UNKNOWN` for a key that is not the asset's. */
  async recordIvs(
    of: { readonly assetId: string; readonly packageId: string; readonly revision: number },
    ivs: readonly ContentKeyIv[],
  ): Promise<void> {
    const known = await this.#options.store.byIds(ivs.map((iv) => iv.keyId));
    const own = new Set(known.filter((key) => key.assetId === of.assetId).map((key) => toKid(key.keyId)));
    if (!ivs.every((iv) => own.has(toKid(iv.keyId)))) throw errors.CONTENT_KEY_UNKNOWN();
    await this.#options.db.tx((tx) => this.#options.store.putIvs(tx, of, ivs));
  }

  /**
   * Deletes every key of the asset: what was encrypted with them is unreadable from now on. No key of it is made again,
   * so doing it twice changes nothing.
   */
  async deleteOf(assetId: string): Promise<void> {
    const { db, store, unwrapped, clock } = this.#options;
    await db.tx((tx) => store.deleteAsset(tx, assetId, clock.now()));
    unwrapped.forget(assetId);
  }

  async #make(assetId: string, keyClass: KeyClass): Promise<void> {
    using key = new SecretBytes(randomBytes(KEY_BYTES));
    const keyId = randomBytes(KEY_ID_BYTES);
    const wrappedKey = await this.#options.keys.wrap(key.reveal(), keyContext({ assetId, keyId, keyClass }));
    await this.#options.store.add({ keyId, assetId, keyClass, wrappedKey, createdAt: this.#options.clock.now() });
  }
}
