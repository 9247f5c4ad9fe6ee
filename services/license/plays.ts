/**
 * Which plays live, as their ends are told, and what each has been licensed so far. A renewal asks the cache alone; where
 * the cache knows nothing of a play, the record of ends is asked.
 */

import { createHash } from "node:crypto";
import type { Cache } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { errors } from "./errors.ts";
import type { PlayStore } from "./store/play-store.ts";

/** What has been licensed to a play that lives, as the cache knows it; undefined where it knows nothing. */
export type Licensed = string | undefined;

const ENDED = "ended";
const LIVE = "live";
/** Longer than a licence lasts, so that a renewal is known for one. */
const KEEP_LIVE_MS = 30 * 60_000;
/** Clocks of two machines may differ, and a token is accepted a little after its end. */
const MARGIN_MS = 60_000;
const FORGET_BATCH = 1_000;
/** Rows of refusals that one play may have: a player that is refused asks again, and an attacker asks on. */
const REFUSALS_BUCKET = { perSecond: 0.1, burst: 20 } as const;
/** Different licences of one play that are remembered; players ask for one or a few. */
const MAX_LICENSED = 16;

export class Plays {
  readonly #cache: Cache;
  readonly #store: PlayStore;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(deps: {
    readonly cache: Cache;
    readonly store: PlayStore;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#cache = deps.cache;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Throws `LICENSE_PLAY_ENDED`. */
  async requireLive(playSessionId: string): Promise<Licensed> {
    const known = await this.#cache.get(keyOf(playSessionId)).catch((err: unknown) => {
      this.#log.warn({ err }, "the record of ended plays is asked in place of the cache");
      return undefined;
    });
    if (known === ENDED || (known === undefined && (await this.#store.isEnded(playSessionId)))) {
      throw errors.LICENSE_PLAY_ENDED();
    }
    return known;
  }

  /** Whether the same licence went to the same place before. */
  isRenewal(licensed: Licensed, license: LicenseMark): boolean {
    return licensed?.split(" ").includes(markOf(license)) ?? false;
  }

  /** Remembers the licence; an end that is told at the same moment stays. */
  async remember(playSessionId: string, licensed: Licensed, license: LicenseMark): Promise<void> {
    const key = keyOf(playSessionId);
    const [, ...marks] = (licensed ?? LIVE).split(" ");
    const value = [LIVE, ...marks.slice(1 - MAX_LICENSED), markOf(license)].join(" ");
    try {
      if (licensed === undefined) await this.#cache.setIfAbsent(key, value, KEEP_LIVE_MS);
      else await this.#cache.compareAndSet(key, licensed, value, KEEP_LIVE_MS);
    } catch (err) {
      this.#log.warn({ err, playSessionId }, "a licence is not remembered; its renewal will count as a new one");
    }
  }

  /** False where the play was refused so often that one more row would say nothing new. */
  async isRefusalNews(playSessionId: string): Promise<boolean> {
    try {
      const { retryAfterMs } = await this.#cache.takeToken(`license:{${playSessionId}}:refusals`, REFUSALS_BUCKET);
      return retryAfterMs === 0;
    } catch (err) {
      this.#log.warn({ err }, "refusals of a play are not counted");
      return true;
    }
  }

  /** From now on no licence of this play is issued. */
  async end(playSessionId: string, endedAt: Date, tokenEndsAt: Date): Promise<void> {
    const forgetAt = new Date(tokenEndsAt.getTime() + MARGIN_MS);
    const leftMs = forgetAt.getTime() - this.#clock.now().getTime();
    if (leftMs <= 0) return;
    await this.#store.end(playSessionId, endedAt, forgetAt);
    await this.#cache.set(keyOf(playSessionId), ENDED, leftMs);
  }

  /** Forgets the ends of plays whose tokens are all too old. */
  async sweep(): Promise<void> {
    while ((await this.#store.forgetBefore(this.#clock.now(), FORGET_BATCH)) === FORGET_BATCH);
  }
}

/** What makes two licences of a play the same. */
export interface LicenseMark {
  readonly system: string;
  readonly keyIds: readonly Uint8Array[];
  readonly remoteAddress: string;
}

function markOf({ system, keyIds, remoteAddress }: LicenseMark): string {
  const ids = keyIds.map((keyId) => Buffer.from(keyId).toString("hex")).toSorted();
  return createHash("sha256")
    .update(JSON.stringify([system, remoteAddress, ids]))
    .digest("base64url")
    .slice(0, 16);
}

function keyOf(playSessionId: string): string {
  return `license:{${playSessionId}}:play`;
}
