/**
 * The plays that live, in the cache: one value for each account, changed as a whole or not at all. It may vanish at any
 * time and is then made again from the record of starts and ends; whoever was playing is in it, with a fresh lease.
 */

import { LRUCache } from "lru-cache";
import type { Cache, Swap } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import { type LivePlay, packPlays, unpackPlays } from "./domain/live.ts";
import { errors } from "./errors.ts";
import type { SessionStore } from "./store/session-store.ts";

/** Longer than a sweep takes to come round to every play, so that a silent one is ended before its value is forgotten. */
const KEEP_MS = 30 * 60_000;
/** Several devices of one account at once try again; more than this is no household. */
const MAX_TRIES = 30;
/** How long an answer about a play counts for its media. */
const MEMO_MS = 20_000;
const MAX_REMEMBERED = 50_000;

/** What to make of an account's plays, where anything, and what to answer. */
export interface Change<T> {
  readonly plays?: readonly LivePlay[];
  readonly result: T;
}

/** A value of the cache as text and as what it says. */
interface Seen {
  readonly text: string;
  readonly plays: readonly LivePlay[];
}

export interface LivePlaysDeps {
  readonly cache: Cache;
  readonly store: Pick<SessionStore, "listUnended">;
  readonly clock: Clock;
  readonly leaseMs: number;
}

export class LivePlays {
  readonly #deps: LivePlaysDeps;
  /** When a play was last seen alive; infinite for one that has ended. */
  readonly #memo = new LRUCache<string, { readonly isLive: boolean; readonly untilMs: number }>({
    max: MAX_REMEMBERED,
  });

  /**
   * What this process saw of accounts last. A heartbeat that comes to the process of the one before needs no reading: where
   * somebody else wrote meanwhile, compare and set says so and tells what there is.
   */
  readonly #seen = new LRUCache<string, Seen>({ max: MAX_REMEMBERED });

  constructor(deps: LivePlaysDeps) {
    this.#deps = deps;
  }

  /**
   * Puts what `decide` makes of an account's plays in their place, without a gap between reading and writing; nothing
   * where it makes nothing of them. `decide` may be asked again. Throws `PLAYS_BUSY`, or what `decide` throws.
   */
  async change<T>(accountId: string, decide: (plays: readonly LivePlay[]) => Change<T>): Promise<T> {
    const { cache } = this.#deps;
    const key = keyOf(accountId);
    const seen = this.#seen.get(key);
    const first = seen === undefined ? undefined : this.#decideEarly(decide, seen);
    // What is in the cache now, as far as it was told already.
    let told: { readonly text: string | undefined } | undefined;
    if (seen !== undefined && first !== undefined) {
      const swap = await this.#swap(key, seen.text, first.plays);
      if (swap.isSet) return first.result;
      told = { text: swap.value };
    }
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { text } = told ?? { text: await cache.get(key) };
      told = undefined;
      const known = text === undefined ? await this.#recorded(accountId) : unpackPlays(text);
      const { plays, result } = decide(known);
      if (text === undefined) {
        const made = packPlays(plays ?? known);
        if (await cache.setIfAbsent(key, made, KEEP_MS)) {
          this.#seen.set(key, { text: made, plays: plays ?? known });
          return result;
        }
      } else {
        if (plays === undefined) return result;
        const swap = await this.#swap(key, text, plays);
        if (swap.isSet) return result;
        told = { text: swap.value };
      }
    }
    throw errors.PLAYS_BUSY();
  }

  /** What is decided on what may be out of date: undefined where nothing would be written, which would tell. */
  #decideEarly<T>(
    decide: (plays: readonly LivePlay[]) => Change<T>,
    seen: Seen,
  ): { readonly plays: readonly LivePlay[]; readonly result: T } | undefined {
    try {
      const { plays, result } = decide(seen.plays);
      return plays && { plays, result };
    } catch {
      // It is decided again on what is true.
      return undefined;
    }
  }

  async #swap(key: string, from: string, plays: readonly LivePlay[]): Promise<Swap> {
    const to = packPlays(plays);
    const swap = await this.#deps.cache.compareAndSet(key, from, to, KEEP_MS);
    if (swap.isSet) this.#seen.set(key, { text: to, plays });
    return swap;
  }

  /** Takes plays out and answers those that were there, as they were last. */
  async remove(accountId: string, ids: readonly string[]): Promise<readonly LivePlay[]> {
    const removed = await this.change(accountId, (plays) => {
      const result = plays.filter(({ id }) => ids.includes(id));
      return result.length === 0 ? { result } : { plays: plays.filter((play) => !result.includes(play)), result };
    });
    for (const id of ids) this.#remember(id, false);
    return removed;
  }

  /** Whether the play has not ended, as of at most 20 s ago. */
  async isLive(accountId: string, id: string): Promise<boolean> {
    const known = this.#memo.get(id);
    if (known !== undefined && known.untilMs > this.#deps.clock.now().getTime()) return known.isLive;
    const isLive = await this.change(accountId, (plays) => ({ result: plays.some((play) => play.id === id) }));
    this.#remember(id, isLive);
    return isLive;
  }

  #remember(id: string, isLive: boolean): void {
    const untilMs = isLive ? this.#deps.clock.now().getTime() + MEMO_MS : Number.POSITIVE_INFINITY;
    this.#memo.set(id, { isLive, untilMs });
  }

  async #recorded(accountId: string): Promise<LivePlay[]> {
    const { store, clock, leaseMs } = this.#deps;
    const leaseEndsAt = clock.now().getTime() + leaseMs;
    const sessions = await store.listUnended(accountId);
    return sessions.map(({ requestId, session }) => ({
      id: session.id,
      requestId,
      deviceId: session.device.id,
      deviceName: session.device.displayName,
      tier: session.tier,
      maximumAge: session.maximumAge,
      durationMs: session.durationMs,
      leaseEndsAt,
      seenAt: session.seenAt.getTime(),
      checkedAt: 0,
      toldAt: 0,
      positionMs: session.positionMs,
    }));
  }
}

/** In braces what a cluster hashes: all that is kept of one account lies on one of its nodes. */
function keyOf(accountId: string): string {
  return `playback:{${accountId}}:plays`;
}
