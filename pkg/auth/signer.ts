/** An issuer's signing keys: made once, rotated, stored wrapped, and published as a key set. */

import type { JWK } from "jose";
import type { Clock } from "#pkg/clock/clock";
import type { Keys } from "#pkg/keys/keys";
import type { KeySet } from "./keysets.ts";
import { generateSigningKey, type SigningKey, signToken, toPublicJwk } from "./tokens.ts";

/** A stored key; the private part is wrapped. */
export interface StoredSigningKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly wrappedPrivateJwk: Uint8Array;
  readonly createdAt: Date;
}

/** Where an issuer keeps its keys; the module implements it in its own schema. */
export interface SigningKeyStore {
  /** Newest first. */
  list(): Promise<readonly StoredSigningKey[]>;
  /**
   * Adds a key where the newest one is still `afterKid` (undefined: there is none), so that of two processes that
   * rotate at once only one does. Returns false where another was faster.
   */
  add(key: StoredSigningKey, afterKid: string | undefined): Promise<boolean>;
  /** Deletes keys that were created before. */
  deleteBefore(createdAt: Date): Promise<void>;
}

export interface Signer extends KeySet {
  /** Signs with the newest key. `expiresAt` must be within `maxTokenLifeMs`. */
  sign(token: {
    readonly subject: string;
    readonly expiresAt: Date;
    readonly claims: Readonly<Record<string, unknown>>;
  }): Promise<string>;
  /** Makes the first key or the next one when it is time; call it at open and then in the background. */
  rotate(): Promise<void>;
}

export interface SignerOptions {
  readonly issuer: string;
  readonly store: SigningKeyStore;
  readonly keys: Keys;
  readonly clock: Clock;
  /** A key signs for this long. */
  readonly rotateAfterMs: number;
  /** No token lives longer; old keys stay published that long after their last signature. */
  readonly maxTokenLifeMs: number;
}

/** A new key is published this long before it signs, so that verifiers have read it. */
const PUBLISH_BEFORE_USE_MS = 60_000;
/** Stored keys are read again this often, to learn what another replica added. */
const RELOAD_MS = 30_000;

export async function openSigner(options: SignerOptions): Promise<Signer> {
  const { issuer, store, keys, clock } = options;
  const context = (kid: string) => ({ purpose: "signing-key", issuer, kid });
  const opened = new Map<string, SigningKey>();
  let stored: readonly StoredSigningKey[] = [];
  let loadedAtMs = 0;

  async function load(): Promise<void> {
    stored = await store.list();
    loadedAtMs = clock.now().getTime();
  }

  async function fresh(): Promise<readonly StoredSigningKey[]> {
    if (clock.now().getTime() - loadedAtMs > RELOAD_MS) await load();
    return stored;
  }

  async function rotate(): Promise<void> {
    await load();
    const now = clock.now();
    const newest = stored[0];
    if (newest !== undefined && now.getTime() - newest.createdAt.getTime() < options.rotateAfterMs) return;
    const key = await generateSigningKey();
    const wrapped = await keys.wrap(Buffer.from(JSON.stringify(key.privateJwk)), context(key.kid));
    await store.add(
      { kid: key.kid, publicJwk: toPublicJwk(key), wrappedPrivateJwk: wrapped, createdAt: now },
      newest?.kid,
    );
    await store.deleteBefore(
      new Date(now.getTime() - 2 * options.rotateAfterMs - options.maxTokenLifeMs - PUBLISH_BEFORE_USE_MS),
    );
    await load();
  }

  async function signingKey(): Promise<SigningKey> {
    const all = await fresh();
    const ripeBefore = clock.now().getTime() - PUBLISH_BEFORE_USE_MS;
    const row = all.find((candidate) => candidate.createdAt.getTime() <= ripeBefore) ?? all.at(-1);
    if (row === undefined) throw new Error(`${issuer} has no signing key`);
    let key = opened.get(row.kid);
    if (key === undefined) {
      using bytes = await keys.unwrap(row.wrappedPrivateJwk, context(row.kid));
      key = { kid: row.kid, privateJwk: JSON.parse(Buffer.from(bytes.reveal()).toString()) as JWK };
      opened.set(row.kid, key);
    }
    return key;
  }

  await rotate();
  return {
    async sign({ subject, expiresAt, claims }) {
      return signToken(await signingKey(), { issuer, subject, issuedAt: clock.now(), expiresAt, claims });
    },
    rotate,
    async keys() {
      return (await fresh()).map((row) => row.publicJwk);
    },
  };
}
