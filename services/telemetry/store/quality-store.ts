/** Player events and what they add up to, in Postgres. */

import type { Db, Tx } from "#pkg/postgres/db";
import type { PlayerEventBatch } from "../domain/player-event.ts";
import type { Breach, QualitySummary, RebufferTotals } from "../domain/quality.ts";
import { type SummaryRow, toSummary } from "./rows.ts";

export interface QualityStore {
  /** Adds events that are not there yet and brings their sessions up to date. Says how many were new. */
  add(tx: Tx, batches: readonly PlayerEventBatch[]): Promise<number>;
  /** Sessions whose first event arrived from `from` on and before `to`; over when silent since `silentSince`. */
  summarize(span: {
    readonly titleId: string | undefined;
    readonly from: Date;
    readonly to: Date;
    readonly silentSince: Date;
  }): Promise<QualitySummary>;
  /** Started sessions that said something since, by title. */
  rebufferTotals(since: Date): Promise<RebufferTotals[]>;
  /** True where it was not raised since `pausedSince`; then it is marked as raised now. */
  raise(tx: Tx, breach: Breach, now: Date, pausedSince: Date): Promise<boolean>;
  pruneEvents(before: Date, limit: number): Promise<number>;
  pruneSessions(before: Date, limit: number): Promise<number>;
}

/** What was refused as intended is no failure, whatever broke beside it. */
const FAILED_START = "is_failed and not is_business_exception and startup_ms is null";

export function openQualityStore(db: Db): QualityStore {
  return {
    async add(tx, batches) {
      const rows = batches.flatMap((batch) => batch.events.map((event) => toEventRow(batch, event)));
      const added = await tx.query<{ session_id: string }>(
        `insert into player_events (session_id, id, sequence, kind, occurred_at, received_at, position_ms, startup_ms,
           stall_ms, playing_ms, stalled_ms, bits_per_second, height, dropped_frames, player, code, message, is_fatal,
           is_business_exception, elapsed_ms)
         select session_id, id, sequence, kind, occurred_at, received_at, position_ms, startup_ms, stall_ms, playing_ms,
           stalled_ms, bits_per_second, height, dropped_frames, player, code, message, is_fatal, is_business_exception, elapsed_ms
         from jsonb_to_recordset($1::jsonb) as e (session_id uuid, id uuid, sequence integer, kind text,
           occurred_at timestamptz, received_at timestamptz, position_ms bigint, startup_ms bigint, stall_ms bigint,
           playing_ms bigint, stalled_ms bigint, bits_per_second bigint, height integer, dropped_frames integer,
           player text, code text, message text, is_fatal boolean, is_business_exception boolean,
           elapsed_ms bigint)
         on conflict do nothing returning session_id`,
        [JSON.stringify(rows)],
      );
      const touched = new Set(added.map((row) => row.session_id));
      const sessions = new Map(batches.map((batch) => [batch.sessionId, batch]));
      const current = [...sessions.values()].filter((batch) => touched.has(batch.sessionId));
      if (current.length > 0) await rollUp(tx, current);
      return added.length;
    },

    async summarize(span) {
      const rows = await db.query<SummaryRow>(
        `select
           count(*) filter (where is_view) as view_count,
           count(startup_ms) as started_count,
           percentile_disc(0.5) within group (order by startup_ms) as median_startup_ms,
           percentile_disc(0.95) within group (order by startup_ms) as p95_startup_ms,
           coalesce(sum(stalled_ms), 0) as stalled_ms,
           coalesce(sum(playing_ms), 0) as playing_ms,
           coalesce(sum(stall_count), 0) as stall_count,
           count(*) filter (where is_view and startup_ms is null and not is_failed and not is_business_exception
                              and (is_ended or last_received_at < $4)) as exit_before_start_count,
           count(*) filter (where ${FAILED_START}) as startup_failure_count,
           count(*) filter (where is_failed and not is_business_exception and startup_ms is not null)
             as playback_failure_count,
           percentile_disc(0.5) within group (order by failed_after_ms) filter (where ${FAILED_START})
             as median_startup_failure_ms,
           count(*) filter (where is_business_exception) as business_exception_count,
           coalesce(round(sum(weighted_bits_ms) / nullif(sum(weighted_ms), 0)), 0) as average_bits_per_second
         from play_sessions
         where first_received_at >= $1 and first_received_at < $2 and ($3::uuid is null or title_id = $3)`,
        [span.from, span.to, span.titleId ?? null, span.silentSince],
      );
      const row = rows[0];
      if (row === undefined) throw new Error("an aggregate answers one row");
      return toSummary(row);
    },

    async rebufferTotals(since) {
      const rows = await db.query<{ title_id: string | null; started: string; stalled_ms: string; playing_ms: string }>(
        `select title_id, count(*) as started, sum(stalled_ms) as stalled_ms, sum(playing_ms) as playing_ms
         from play_sessions where last_received_at >= $1 and startup_ms is not null group by title_id`,
        [since],
      );
      return rows.map((row) => ({
        titleId: row.title_id ?? undefined,
        startedCount: Number(row.started),
        stalledMs: Number(row.stalled_ms),
        playingMs: Number(row.playing_ms),
      }));
    },

    async raise(tx, breach, now, pausedSince) {
      const count = await tx.execute(
        `insert into alerts (metric, title, raised_at) values ($1, $2, $3)
         on conflict (metric, title) do update set raised_at = excluded.raised_at where alerts.raised_at < $4`,
        [breach.metric, breach.titleId ?? "", now, pausedSince],
      );
      return count === 1;
    },

    pruneEvents: (before, limit) =>
      db.execute(
        `delete from player_events where (session_id, id) in
           (select session_id, id from player_events where received_at < $1 order by received_at limit $2)`,
        [before, limit],
      ),

    pruneSessions: (before, limit) =>
      db.execute(
        `delete from play_sessions where id in
           (select id from play_sessions where first_received_at < $1 order by first_received_at limit $2)`,
        [before, limit],
      ),
  };
}

/**
 * Events may come late and in any order, so a session is added up from all of its events. Events that were pruned
 * meanwhile must not make a session shrink: what only grows keeps its largest value.
 */
async function rollUp(tx: Tx, sessions: readonly PlayerEventBatch[]): Promise<void> {
  await tx.execute(
    `with touched as (
       select * from unnest($1::uuid[], $2::uuid[], $3::text[]) as t (id, title_id, territory)
     ), spans as (
       select session_id, bits_per_second,
         greatest(0, playing_ms - coalesce(max(playing_ms) over (partition by session_id order by sequence, id
                                            rows between unbounded preceding and 1 preceding), 0)) as span_ms
       from player_events where session_id = any ($1::uuid[]) and kind = 'sample'
     ), bits as (
       select session_id, sum(span_ms::numeric * bits_per_second) as weighted_bits_ms, sum(span_ms) as weighted_ms
       from spans group by session_id
     ), rolled as (
       select session_id,
         min(received_at) as first_received_at, max(received_at) as last_received_at,
         bool_or(kind in ('play_requested', 'first_frame')) as is_view,
         min(startup_ms) as startup_ms,
         count(*) filter (where kind = 'rebuffer_ended') as stall_count,
         greatest(coalesce(max(stalled_ms), 0), coalesce(sum(stall_ms), 0)) as stalled_ms,
         coalesce(max(playing_ms), 0) as playing_ms,
         bool_or(is_fatal and not is_business_exception) as is_failed,
         min(elapsed_ms) filter (where is_fatal and not is_business_exception) as failed_after_ms,
         bool_or(is_business_exception) as is_business_exception,
         bool_or(kind = 'play_ended') as is_ended
       from player_events where session_id = any ($1::uuid[]) group by session_id
     )
     insert into play_sessions as s (id, title_id, territory, first_received_at, last_received_at, is_view, startup_ms,
       stall_count, stalled_ms, playing_ms, weighted_bits_ms, weighted_ms, is_failed, is_business_exception, is_ended,
       failed_after_ms)
     select t.id, t.title_id, t.territory, r.first_received_at, r.last_received_at, r.is_view, r.startup_ms,
       r.stall_count, r.stalled_ms, r.playing_ms, coalesce(b.weighted_bits_ms, 0), coalesce(b.weighted_ms, 0),
       r.is_failed, r.is_business_exception, r.is_ended, r.failed_after_ms
     from touched t join rolled r on r.session_id = t.id left join bits b on b.session_id = t.id
     on conflict (id) do update set
       first_received_at = least(s.first_received_at, excluded.first_received_at),
       last_received_at = greatest(s.last_received_at, excluded.last_received_at),
       is_view = s.is_view or excluded.is_view,
       startup_ms = least(s.startup_ms, excluded.startup_ms),
       stall_count = greatest(s.stall_count, excluded.stall_count),
       stalled_ms = greatest(s.stalled_ms, excluded.stalled_ms),
       playing_ms = greatest(s.playing_ms, excluded.playing_ms),
       weighted_bits_ms = case when excluded.weighted_ms >= s.weighted_ms then excluded.weighted_bits_ms
                          else s.weighted_bits_ms end,
       weighted_ms = greatest(s.weighted_ms, excluded.weighted_ms),
       is_failed = s.is_failed or excluded.is_failed,
       is_business_exception = s.is_business_exception or excluded.is_business_exception,
       is_ended = s.is_ended or excluded.is_ended,
       failed_after_ms = least(s.failed_after_ms, excluded.failed_after_ms)`,
    [
      sessions.map((one) => one.sessionId),
      sessions.map((one) => one.titleId ?? null),
      sessions.map((one) => one.territory),
    ],
  );
}

function toEventRow(batch: PlayerEventBatch, event: PlayerEventBatch["events"][number]): object {
  return {
    session_id: batch.sessionId,
    received_at: batch.receivedAt,
    id: event.id,
    sequence: event.sequence,
    kind: event.kind,
    occurred_at: event.occurredAt,
    position_ms: event.positionMs,
    startup_ms: event.startupMs,
    stall_ms: event.stallMs,
    playing_ms: event.playingMs,
    stalled_ms: event.stalledMs,
    bits_per_second: event.bitsPerSecond,
    height: event.height,
    dropped_frames: event.droppedFrames,
    player: event.player,
    code: event.code,
    message: event.message,
    is_fatal: event.isFatal ?? false,
    is_business_exception: event.isBusinessException ?? false,
    elapsed_ms: event.elapsedMs,
  };
}
