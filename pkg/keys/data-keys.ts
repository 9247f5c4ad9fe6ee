/**
 * Data keys in the clear for a short while, so that whoever keeps the root key is asked a few times an hour instead of for
 * every secret, and may be away in between. Whatever leaves is zeroed.
 */

import { LRUCache } from "lru-cache";
import type { Clock } from "#pkg/clock/clock";
import { errors } from "./errors.ts";

/** How long a data key is used, and with it how long a withdrawn permission goes unnoticed. */
export const DATA_KEY_MAX_AGE_MS = 5 * 60_000;
/** Far below the 2^32 after which random nonces of AES-GCM are no longer safe (NIST SP 800-38D, 8.3). */
export const DATA_KEY_MAX_USES = 10_000;
const MAX_KEPT = 1_000;
const SWEEP_MS = 60_000;

/** A key as its keeper hands it out. */
export interface DataKey {
  /** What the keeper opens again. */
  readonly wrapped: Uint8Array;
  /** In the clear; the cache owns it from then on. */
  readonly secret: Uint8Array;
}

/** Who holds the root key. Keys of one purpose do not open as those of another. */
export interface DataKeyKeeper {
  readonly generate: (purpose: string) => Promise<DataKey>;
  readonly decrypt: (wrapped: Uint8Array, purpose: string) => Promise<Uint8Array>;
}

/** The key is lent for the length of a synchronous call, so nothing can zero it in the middle. */
export interface DataKeys extends Disposable {
  /** Under a key that was made for the purpose since the last `renew`. Throws what the keeper throws. */
  withNewest<T>(purpose: string, use: (key: DataKey) => T): Promise<T>;
  withOpened<T>(wrapped: Uint8Array, purpose: string, use: (key: DataKey) => T): Promise<T>;
  /** Makes new keys for what is wrapped from now on. */
  renew(): void;
}

interface Kept extends DataKey {
  readonly purpose: string;
  readonly untilMs: number;
  uses: number;
}

export function newDataKeys(options: { readonly keeper: DataKeyKeeper; readonly clock: Clock }): DataKeys {
  const { keeper, clock } = options;
  const closing = new AbortController();
  const newest = new Map<string, string>();
  const kept = new LRUCache<string, Kept>({
    max: MAX_KEPT,
    dispose: ({ secret, purpose }, id) => {
      secret.fill(0);
      if (newest.get(purpose) === id) newest.delete(purpose);
    },
  });
  const asking = new Map<string, Promise<void>>();
  let epoch = 0;

  const idOf = (wrapped: Uint8Array, purpose: string) => `${purpose} ${Buffer.from(wrapped).toString("base64")}`;

  function find(id: string | undefined): Kept | undefined {
    const key = id === undefined ? undefined : kept.get(id);
    if (id === undefined || key === undefined) return undefined;
    if (clock.now().getTime() < key.untilMs && key.uses < DATA_KEY_MAX_USES) return key;
    kept.delete(id);
    return undefined;
  }

  /** Asks the keeper once for all who wait for the same key. */
  function once(what: string, ask: () => Promise<void>): Promise<void> {
    const waiting = asking.get(what) ?? ask().finally(() => asking.delete(what));
    asking.set(what, waiting);
    return waiting;
  }

  function keep(key: DataKey, purpose: string): string | undefined {
    if (closing.signal.aborted) {
      key.secret.fill(0);
      return undefined;
    }
    const id = idOf(key.wrapped, purpose);
    kept.set(id, { ...key, purpose, untilMs: clock.now().getTime() + DATA_KEY_MAX_AGE_MS, uses: 0 });
    return id;
  }

  async function lend<T>(look: () => Kept | undefined, ask: () => Promise<void>, use: (key: DataKey) => T): Promise<T> {
    // Between the answer and here the key may have been used up by others, or pushed out.
    while (!closing.signal.aborted) {
      const key = look();
      if (key === undefined) {
        await ask();
      } else {
        key.uses++;
        return use(key);
      }
    }
    throw errors.KEY_KEEPER_UNAVAILABLE(new Error("closed"));
  }

  async function sweep(): Promise<void> {
    while (!closing.signal.aborted) {
      await clock.sleep(SWEEP_MS, closing.signal).catch(() => undefined);
      for (const id of kept.keys()) {
        const key = kept.peek(id);
        if (key !== undefined && clock.now().getTime() >= key.untilMs) kept.delete(id);
      }
    }
  }

  void sweep();
  return {
    withNewest(purpose, use) {
      const make = async () => {
        const began = epoch;
        const id = keep(await keeper.generate(purpose), purpose);
        // Else it may be of a root key that was replaced meanwhile.
        if (id !== undefined && began === epoch) newest.set(purpose, id);
      };
      return lend(
        () => find(newest.get(purpose)),
        () => once(`new ${epoch} ${purpose}`, make),
        use,
      );
    },

    withOpened(wrapped, purpose, use) {
      const id = idOf(wrapped, purpose);
      const open = async () => {
        // The caller's bytes may change while the keeper is asked.
        const own = Uint8Array.from(wrapped);
        keep({ wrapped: own, secret: await keeper.decrypt(own, purpose) }, purpose);
      };
      return lend(
        () => find(id),
        () => once(id, open),
        use,
      );
    },

    renew() {
      epoch++;
      newest.clear();
    },

    [Symbol.dispose]() {
      closing.abort();
      kept.clear();
    },
  };
}
