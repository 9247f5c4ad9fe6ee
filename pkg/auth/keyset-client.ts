/** Key sets of every issuer: of a module in this process directly, of others over HTTP, cached. */

import type { JWK } from "jose";
import type { Clock } from "#pkg/clock/clock";
import { errors } from "./errors.ts";
import type { KeySet, KeySets } from "./keysets.ts";
import { type Published, readPublished } from "./published.ts";

/** An unknown key makes the set be read again at most this often. */
const REFETCH_MS = 10_000;
/** A key that its issuer has withdrawn is forgotten after this time. */
const MAX_AGE_MS = 300_000;

interface Cached {
  readonly keys: ReadonlyMap<string, JWK>;
  readonly readAtMs: number;
}

export interface KeySetsOptions {
  readonly clock: Clock;
  /** The key set of an issuer that runs in this process; undefined where it runs elsewhere. */
  readonly local: (issuer: string) => KeySet | undefined;
  /** Where the issuer's JWKS is, and how to ask for it; undefined where no address is known. */
  readonly remote: (issuer: string) => Published | undefined;
}

export function newKeySets(options: KeySetsOptions): KeySets {
  const cache = new Map<string, Cached>();
  const reading = new Map<string, Promise<Cached>>();

  async function read(issuer: string): Promise<Cached> {
    const keys = await readKeys(issuer, options);
    const cached = {
      keys: new Map(keys.flatMap((key): [string, JWK][] => (key.kid === undefined ? [] : [[key.kid, key]]))),
      readAtMs: options.clock.now().getTime(),
    };
    cache.set(issuer, cached);
    return cached;
  }

  return {
    async find(issuer, kid) {
      const cached = cache.get(issuer);
      const ageMs = cached === undefined ? Number.POSITIVE_INFINITY : options.clock.now().getTime() - cached.readAtMs;
      const known = cached?.keys.get(kid);
      if (known !== undefined && ageMs < MAX_AGE_MS) return known;
      if (known === undefined && ageMs < REFETCH_MS) return undefined;
      let pending = reading.get(issuer);
      if (pending === undefined) {
        pending = read(issuer).finally(() => reading.delete(issuer));
        reading.set(issuer, pending);
      }
      try {
        return (await pending).keys.get(kid);
      } catch (error) {
        // A key that was good minutes ago beats refusing everybody while its issuer restarts.
        if (known !== undefined) return known;
        throw error;
      }
    },
  };
}

async function readKeys(issuer: string, options: KeySetsOptions): Promise<readonly JWK[]> {
  const local = options.local(issuer);
  if (local !== undefined) return local.keys();
  const remote = options.remote(issuer);
  if (remote === undefined) throw errors.KEY_SET_UNAVAILABLE(issuer);
  try {
    const body = await readPublished(remote);
    if (!isKeySet(body)) throw new Error(`${remote.url} answered something that is no key set`);
    return body.keys;
  } catch (error) {
    throw errors.KEY_SET_UNAVAILABLE(issuer, error);
  }
}

function isKeySet(value: unknown): value is { readonly keys: readonly JWK[] } {
  return typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys);
}
