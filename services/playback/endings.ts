/** Ending plays, whatever the cause: taken out of those that live, recorded, and told. */

import { LRUCache } from "lru-cache";
import type { Cache } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { isOverdue, type LivePlay } from "./domain/live.ts";
import type { EndReason } from "./domain/session.ts";
import type { PlaybackEvents } from "./events.ts";
import type { LivePlays } from "./live-plays.ts";
import type { Ending, SessionStore, Unended } from "./store/session-store.ts";

const BATCH = 500;
/** In one round of the sweep; the next goes on where it stopped. */
const SWEEP_BATCHES = 40;
const SWEEP_KEY = "playback:sweep";
const SWEEP_KEEP_MS = 24 * 60 * 60_000;
/** Before every session. */
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

export interface EndingsDeps {
  readonly db: Db;
  readonly store: SessionStore;
  readonly live: LivePlays;
  readonly events: PlaybackEvents;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly slotLeaseMs: number;
  readonly keepEndedMs: number;
}

export class Endings {
  readonly #deps: EndingsDeps;
  /** Plays without an end that the last rounds of the sweep did not find among those that live. */
  readonly #missing = new LRUCache<string, true>({ max: 10_000 });

  constructor(deps: EndingsDeps) {
    this.#deps = deps;
  }

  /** Ends the plays of a title that left the catalogue, but for those that began after it came back. */
  async endTitle(titleId: string, unpublishedAt: Date): Promise<void> {
    await this.#endAll("unavailable", () => this.#deps.store.listUnendedOfTitle(titleId, unpublishedAt, BATCH));
  }

  /** Ends what was begun under sign-in sessions that have ended. */
  async endSignIns(accountId: string, signInIds: readonly string[]): Promise<void> {
    await this.#endAll("signed_out", () => this.#deps.store.listUnendedOf(accountId, signInIds));
  }

  /** Ends the plays of an erased account and forgets them. */
  async eraseAccount(accountId: string): Promise<void> {
    await this.#endAll("account_deleted", () => this.#deps.store.listUnendedOf(accountId, undefined));
    await this.#deps.store.deleteAccount(accountId);
  }

  async #endAll(reason: EndReason, list: () => Promise<readonly Unended[]>): Promise<void> {
    const { live } = this.#deps;
    for (;;) {
      const found = await list();
      if (found.length === 0) return;
      const removed = await Promise.all(
        [...byAccount(found)].map(([accountId, plays]) =>
          live.remove(
            accountId,
            plays.map(({ id }) => id),
          ),
        ),
      );
      const last = new Map(removed.flat().map((play) => [play.id, play]));
      await this.record(
        found.map(({ id }) => {
          const play = last.get(id);
          return play === undefined ? { id, reason } : endingOf(play, reason);
        }),
      );
    }
  }

  async record(endings: readonly Ending[]): Promise<void> {
    const { db, store, events, clock } = this.#deps;
    if (endings.length === 0) return;
    await db.tx(async (tx) => {
      for (const session of await store.end(tx, endings, clock.now())) await events.ended(tx, session);
    });
  }

  /**
   * Goes through the plays that have not ended and ends those that nobody keeps any more, or whose rights are over;
   * forgets those that ended long ago. Where it stopped is shared, so that several processes go on where one was.
   */
  async sweep(): Promise<void> {
    const { cache, store, clock, keepEndedMs } = this.#deps;
    for (let batch = 0; batch < SWEEP_BATCHES; batch++) {
      const found = await store.listUnendedAfter((await cache.get(SWEEP_KEY)) ?? FIRST_ID, BATCH);
      const endings = await Promise.all([...byAccount(found)].map(([account, plays]) => this.#overdue(account, plays)));
      await this.record(endings.flat());
      const last = found.length < BATCH ? undefined : found.at(-1);
      await cache.set(SWEEP_KEY, last?.id ?? FIRST_ID, SWEEP_KEEP_MS);
      if (last === undefined) break;
    }
    await store.deleteEndedBefore(new Date(clock.now().getTime() - keepEndedMs), BATCH);
  }

  async #overdue(accountId: string, recorded: readonly Unended[]): Promise<readonly Ending[]> {
    const { live, clock, slotLeaseMs } = this.#deps;
    const nowMs = clock.now().getTime();
    // Taken out, but its end is not recorded: on its way, or else by a process that died with it, and is met again.
    const lost = new Set(recorded.flatMap(({ id }) => (this.#missing.has(id) ? [id] : [])));
    const { endings, missing } = await live.change(accountId, (plays) => {
      const over: LivePlay[] = [];
      const endings = recorded.flatMap(({ id, rightsEndAt }): Ending[] => {
        const play = plays.find((one) => one.id === id);
        if (play === undefined) return lost.has(id) ? [{ id, reason: "expired" }] : [];
        const areRightsOver = rightsEndAt !== undefined && rightsEndAt.getTime() <= nowMs;
        if (!areRightsOver && !isOverdue(play, slotLeaseMs, nowMs)) return [];
        over.push(play);
        return [endingOf(play, areRightsOver ? "rights_ended" : "expired")];
      });
      const gone = recorded.filter(({ id }) => !plays.some((one) => one.id === id)).map(({ id }) => id);
      const result = { endings, missing: gone };
      return over.length === 0 ? { result } : { plays: plays.filter((play) => !over.includes(play)), result };
    });
    for (const id of missing) this.#missing.set(id, true);
    return endings;
  }
}

export function endingOf(play: LivePlay, reason: EndReason): Ending {
  return { id: play.id, reason, positionMs: play.positionMs, seenAt: new Date(play.seenAt) };
}

function byAccount(plays: readonly Unended[]): Map<string, Unended[]> {
  return Map.groupBy(plays, ({ accountId }) => accountId);
}
