/**
 * Bounds how often passwords and addresses can be guessed, so that one guesser keeps nobody else out: neither the owner
 * of the account that is guessed at, who is somewhere else, nor those who share the guesser's address.
 */

import { createHash } from "node:crypto";
import type { Cache } from "#pkg/cache/cache";
import type { Logger } from "#pkg/obs/obs";
import { errors } from "./errors.ts";

/** Tries at one account from one network: five at once, then one in ten seconds. */
const PAIR_BUCKET = { perSecond: 0.1, burst: 5 } as const;
/** Tries at one account from all networks that it was never signed in to from. */
const ACCOUNT_BUCKET = { perSecond: 1, burst: 50 } as const;
/** Wrong passwords from one network, whatever the accounts: a school may stand behind one address. */
const NETWORK_FAILURES = { most: 100, windowMs: 10 * 60_000 } as const;
/** Addresses that sign-up has said to be taken, to one network. */
const TAKEN_ANSWERS = { most: 20, windowMs: 60 * 60_000 } as const;
/** How long a network stays one from which an account is known to sign in. */
const KNOWN_MS = 30 * 24 * 3_600_000;
/** When to try again is not said exactly where a whole window has to pass. */
const WINDOW_RETRY_MS = 60_000;

export interface Guessing {
  /** Counts a try before its password is looked at. Throws `SIGN_IN_TOO_OFTEN`. */
  admitSignIn(email: string, network: string): Promise<void>;
  signInFailed(network: string): Promise<void>;
  /** From now on the account's tries from here are bounded by its own tries from here only. */
  signInSucceeded(email: string, network: string): Promise<void>;
  /** Throws `SIGN_UP_TOO_OFTEN` where the network has been told of many addresses that they are taken. */
  admitSignUp(network: string): Promise<void>;
  addressWasTaken(network: string): Promise<void>;
}

export function newGuessing(deps: { readonly cache: Cache; readonly log: Logger }): Guessing {
  const { cache } = deps;

  /** A cache may vanish at any time; people sign in meanwhile. */
  async function unlessAway<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work();
    } catch (err) {
      deps.log.warn({ err }, "tries to sign in or up are not counted");
      return otherwise;
    }
  }

  async function waitMs(email: string, network: string): Promise<number> {
    const key = keyOf(email);
    const [pair, [known, failures]] = await Promise.all([
      cache.takeToken(`${key}:${network}`, PAIR_BUCKET),
      cache.getMany([`${key}:${network}:known`, failuresKey(network)]),
    ]);
    if (known !== undefined || pair.retryAfterMs > 0) return pair.retryAfterMs;
    const account = await cache.takeToken(key, ACCOUNT_BUCKET);
    return Math.max(account.retryAfterMs, Number(failures ?? 0) < NETWORK_FAILURES.most ? 0 : WINDOW_RETRY_MS);
  }

  return {
    async admitSignIn(email, network) {
      const retryAfterMs = await unlessAway(() => waitMs(email, network), 0);
      if (retryAfterMs > 0) throw errors.SIGN_IN_TOO_OFTEN(retryAfterMs);
    },

    async signInFailed(network) {
      await unlessAway(() => cache.increment(failuresKey(network), 1, NETWORK_FAILURES.windowMs), 0);
    },

    async signInSucceeded(email, network) {
      await unlessAway(() => cache.set(`${keyOf(email)}:${network}:known`, "1", KNOWN_MS), undefined);
    },

    async admitSignUp(network) {
      const taken = await unlessAway(() => cache.get(takenKey(network)), undefined);
      if (Number(taken ?? 0) >= TAKEN_ANSWERS.most) throw errors.SIGN_UP_TOO_OFTEN(WINDOW_RETRY_MS);
    },

    async addressWasTaken(network) {
      await unlessAway(() => cache.increment(takenKey(network), 1, TAKEN_ANSWERS.windowMs), 0);
    },
  };
}

/** Addresses do not lie about in a cache in the clear. */
function keyOf(email: string): string {
  return `sign-in:${createHash("sha256").update(email).digest("hex")}`;
}

function failuresKey(network: string): string {
  return `sign-in-failures:${network}`;
}

function takenKey(network: string): string {
  return `sign-up-taken:${network}`;
}
