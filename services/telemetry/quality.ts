/** How good playing is: counted from events, summed up, and watched. */

import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import type { PlayerEventBatch } from "./domain/player-event.ts";
import { findBreaches, type QualitySummary } from "./domain/quality.ts";
import { errors } from "./errors.ts";
import type { TelemetryEvents } from "./events.ts";
import type { QualityStore } from "./store/quality-store.ts";

export interface QualityOptions {
  readonly db: Db;
  readonly store: QualityStore;
  readonly events: TelemetryEvents;
  readonly clock: Clock;
  readonly sessionSilenceMs: number;
  readonly eventRetentionMs: number;
  readonly sessionRetentionMs: number;
  readonly alerts: {
    readonly intervalMs: number;
    readonly windowMs: number;
    readonly minSessions: number;
    readonly rebufferRatio: number;
    readonly pauseMs: number;
  };
}

const DAY_MS = 24 * 3_600_000;
const PRUNE_BATCH = 1000;
const PRUNE_EVERY_MS = 600_000;

export class Quality {
  readonly #options: QualityOptions;

  constructor(options: QualityOptions) {
    this.#options = options;
  }

  /** Counts what was recorded, each event once, and says how many were new. */
  count(batches: readonly PlayerEventBatch[]): Promise<number> {
    return this.#options.db.tx((tx) => this.#options.store.add(tx, batches));
  }

  /** Of the last 24 hours where no time is given. Throws `QUALITY_SPAN_INVALID`. */
  summarize(span: {
    readonly titleId: string | undefined;
    readonly from: Date | undefined;
    readonly to: Date | undefined;
  }): Promise<QualitySummary> {
    const now = this.#options.clock.now();
    const to = span.to ?? now;
    const from = span.from ?? new Date(now.getTime() - DAY_MS);
    if (from >= to) throw errors.QUALITY_SPAN_INVALID();
    const silentSince = new Date(now.getTime() - this.#options.sessionSilenceMs);
    return this.#options.store.summarize({ titleId: span.titleId, from, to, silentSince });
  }

  /** Raises an alert for each metric that is worse than allowed. Says in how many milliseconds to check again. */
  async checkAlerts(): Promise<number> {
    const { db, store, events, clock, alerts } = this.#options;
    const now = clock.now();
    const totals = await store.rebufferTotals(new Date(now.getTime() - alerts.windowMs));
    for (const breach of findBreaches(totals, alerts)) {
      await db.tx(async (tx) => {
        const isNew = await store.raise(tx, breach, now, new Date(now.getTime() - alerts.pauseMs));
        if (isNew) await events.qualityAlert(tx, breach, now);
      });
    }
    return alerts.intervalMs;
  }

  /** Forgets a bounded number. Says `again` where there may be more, else in how many milliseconds to prune again. */
  async prune(): Promise<"again" | number> {
    const { store, clock, eventRetentionMs, sessionRetentionMs } = this.#options;
    const now = clock.now().getTime();
    const events = await store.pruneEvents(new Date(now - eventRetentionMs), PRUNE_BATCH);
    const sessions = await store.pruneSessions(new Date(now - sessionRetentionMs), PRUNE_BATCH);
    return events === PRUNE_BATCH || sessions === PRUNE_BATCH ? "again" : PRUNE_EVERY_MS;
  }
}
