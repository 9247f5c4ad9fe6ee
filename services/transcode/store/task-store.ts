/** Tasks in the database: leases with fencing, results, and what has waited too long. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { LeasedTask, PlannedTask, TaskOutput, TaskPriority, VideoSpan, Waiting } from "../domain/job.ts";
import {
  type LeasedRow,
  type StoredSpan,
  TASK_COLUMNS,
  type Task,
  type TaskRow,
  toLeasedTask,
  toTask,
} from "./rows.ts";

export interface LeaseRequest {
  readonly worker: string;
  readonly lease: string;
  readonly now: Date;
  readonly leaseMs: number;
}

export interface ProgressReport {
  readonly taskId: string;
  readonly lease: string;
  readonly fraction: number;
  readonly speed: number;
  readonly now: Date;
  readonly leaseMs: number;
}

/** A task whose worker fell silent. */
export interface ExpiredTask {
  readonly id: string;
  readonly jobId: string;
  readonly attempts: number;
  readonly worker: string;
}

export interface TaskStore {
  insert(tx: Tx, jobId: string, tasks: readonly PlannedTask[], now: Date): Promise<void>;
  /** Gives the most urgent ready task of a running job to the worker. */
  leaseNext(request: LeaseRequest): Promise<LeasedTask | undefined>;
  /** False where the lease is not held any more. */
  reportProgress(report: ProgressReport): Promise<boolean>;
  find(db: Queryable, id: string): Promise<Task | undefined>;
  /** False where the lease was lost meanwhile. */
  finish(tx: Tx, id: string, lease: string, outputs: readonly TaskOutput[], now: Date): Promise<boolean>;
  /** Puts a leased task back; `attempts` is what counts from now on. False where the lease was lost meanwhile. */
  release(
    tx: Queryable,
    id: string,
    lease: string,
    then: { readonly attempts: number; readonly availableAt: Date; readonly waiting?: Waiting },
  ): Promise<boolean>;
  /** False where the lease was lost meanwhile. */
  fail(tx: Tx, id: string, lease: string, now: Date): Promise<boolean>;
  /** Tasks that encode parts of the track and are not done. */
  countUnencoded(tx: Tx, jobId: string, trackId: string): Promise<number>;
  /** The encoded spans of a track in film order. */
  spans(db: Queryable, jobId: string, trackId: string): Promise<StoredSpan[]>;
  /** Lets the track's join begin, if it waits, and says how urgent it is. */
  unblockJoin(
    tx: Tx,
    jobId: string,
    trackId: string,
    spans: readonly VideoSpan[],
    now: Date,
  ): Promise<TaskPriority | undefined>;
  /** Marks the track's join done without a worker. */
  skipJoin(tx: Tx, jobId: string, trackId: string, now: Date): Promise<void>;
  countOpen(tx: Tx, jobId: string): Promise<{ readonly all: number; readonly early: number }>;
  /** Takes every task away from workers and from the queue: the job does not run any more. */
  hold(tx: Tx, jobId: string): Promise<void>;
  /**
   * Undoes what made these tracks, so that it is done again once the job runs: spans too, and with them the tracks that
   * wait for one of the same spans. Answers the tracks, and the keys of files that nothing refers to any more.
   */
  redo(
    tx: Tx,
    jobId: string,
    tracks: readonly string[],
  ): Promise<{ readonly tracks: readonly string[]; readonly keys: readonly string[] }>;
  /** Makes held and failed tasks ready, with all their attempts. */
  resume(tx: Tx, jobId: string, now: Date): Promise<void>;
  /** Leases that ran out, of at most `limit` tasks. */
  findExpired(now: Date, limit: number): Promise<ExpiredTask[]>;
  /** Marks what nobody was woken for since before `before` as done so now; how many by priority. */
  takeOverdue(
    before: Date,
    now: Date,
    limit: number,
  ): Promise<{ readonly priority: TaskPriority; readonly count: number }[]>;
  countReady(): Promise<{ readonly priority: TaskPriority; readonly count: number }[]>;
  /** Ready tasks that wait for something. */
  countWaiting(): Promise<number>;
  workerSeen(name: string, now: Date): Promise<void>;
  countWorkers(since: Date): Promise<number>;
  forgetWorkers(before: Date): Promise<void>;
}

export function openTaskStore(db: Db): TaskStore {
  return {
    async insert(tx, jobId, tasks, now) {
      await tx.execute(
        `insert into tasks (id, job_id, state, priority, rank, is_early, tracks, work, cost, film_seconds, available_at, hinted_at)
         select t.id, $1, t.state, t.priority, t.rank, t."isEarly",
                array(select jsonb_array_elements_text(t.tracks)), t.work, t.cost, t."filmSeconds", $3, $3
         from jsonb_to_recordset($2::jsonb)
           as t(id uuid, state text, priority smallint, rank double precision, "isEarly" boolean, tracks jsonb,
                work jsonb, cost double precision, "filmSeconds" double precision)`,
        [jobId, JSON.stringify(tasks), now],
      );
    },

    async leaseNext({ worker, lease, now, leaseMs }) {
      const rows = await db.query<LeasedRow>(
        `with next as (
           select t.id from tasks t join jobs j on j.id = t.job_id
           where t.state = 'ready' and t.available_at <= $3 and j.state in ('queued', 'running')
           order by t.priority, t.rank, t.id
           limit 1
           for update of t skip locked
         ), leased as (
           update tasks t set state = 'leased', worker = $1, lease = $2, leased_at = $3, lease_expires_at = $4,
             attempts = t.attempts + 1, fraction = 0, speed = 0
           from next where t.id = next.id
           returning t.id, t.job_id, t.lease, t.lease_expires_at, t.attempts, t.work
         )
         select l.id, l.job_id, l.lease, l.lease_expires_at, l.attempts, l.work,
                j.asset_id, j.source, j.frame_rate_num, j.frame_rate_den, j.frame_count, j.gop_frames
         from leased l join jobs j on j.id = l.job_id`,
        [worker, lease, now, new Date(now.getTime() + leaseMs)],
      );
      return rows[0] && toLeasedTask(rows[0]);
    },

    async reportProgress({ taskId, lease, fraction, speed, now, leaseMs }) {
      const touched = await db.execute(
        `update tasks set fraction = greatest(fraction, $3), speed = $4, lease_expires_at = $5
         where id = $1 and lease = $2 and state = 'leased'`,
        [taskId, lease, fraction, speed, new Date(now.getTime() + leaseMs)],
      );
      return touched > 0;
    },

    async find(queryable, id) {
      const rows = await queryable.query<TaskRow>(`select ${TASK_COLUMNS} from tasks where id = $1`, [id]);
      return rows[0] && toTask(rows[0]);
    },

    async finish(tx, id, lease, outputs, now) {
      const touched = await tx.execute(
        `update tasks set state = 'done', fraction = 1, speed = 0, outputs = $3, ended_at = $4, waiting = null
         where id = $1 and lease = $2 and state = 'leased'`,
        [id, lease, JSON.stringify(outputs), now],
      );
      return touched > 0;
    },

    async release(tx, id, lease, { attempts, availableAt, waiting }) {
      const touched = await tx.execute(
        `update tasks set state = 'ready', lease = null, lease_expires_at = null, leased_at = null, fraction = 0,
           speed = 0, attempts = $3, available_at = $4, hinted_at = $4, waiting = $5
         where id = $1 and lease = $2 and state = 'leased'`,
        [id, lease, attempts, availableAt, waiting === undefined ? null : JSON.stringify(waiting)],
      );
      return touched > 0;
    },

    async fail(tx, id, lease, now) {
      const touched = await tx.execute(
        `update tasks set state = 'failed', fraction = 0, speed = 0, ended_at = $3
         where id = $1 and lease = $2 and state = 'leased'`,
        [id, lease, now],
      );
      return touched > 0;
    },

    async countUnencoded(tx, jobId, trackId) {
      const rows = await tx.query<{ readonly count: string }>(
        `select count(*) as count from tasks
         where job_id = $1 and kind = 'encode_video' and state <> 'done' and $2 = any(tracks)`,
        [jobId, trackId],
      );
      return Number(rows[0]?.count ?? 0);
    },

    async spans(queryable, jobId, trackId) {
      const rows = await queryable.query<{ readonly first_frame: string; readonly output: TaskOutput }>(
        `select t.work ->> 'firstFrame' as first_frame, o.value as output
         from tasks t, jsonb_array_elements(t.outputs) o
         where t.job_id = $1 and t.kind = 'encode_video' and t.state = 'done' and o.value ->> 'track' = $2
         order by (t.work ->> 'firstFrame')::bigint`,
        [jobId, trackId],
      );
      return rows.map((row) => ({ firstFrame: Number(row.first_frame), output: row.output }));
    },

    async unblockJoin(tx, jobId, trackId, spans, now) {
      const rows = await tx.query<{ readonly priority: number }>(
        `update tasks set state = 'ready', work = jsonb_set(work, '{spans}', $3), available_at = $4, hinted_at = $4
         where job_id = $1 and kind = 'join_video' and work ->> 'track' = $2 and state = 'blocked'
         returning priority`,
        [jobId, trackId, JSON.stringify(spans), now],
      );
      return rows[0] && toPriority(rows[0].priority);
    },

    async skipJoin(tx, jobId, trackId, now) {
      await tx.execute(
        `update tasks set state = 'done', fraction = 1, outputs = '[]', ended_at = $3
         where job_id = $1 and kind = 'join_video' and work ->> 'track' = $2 and state = 'blocked'`,
        [jobId, trackId, now],
      );
    },

    async countOpen(tx, jobId) {
      const rows = await tx.query<{ readonly all: string; readonly early: string }>(
        `select count(*) as all, count(*) filter (where is_early) as early from tasks
         where job_id = $1 and state <> 'done'`,
        [jobId],
      );
      return { all: Number(rows[0]?.all ?? 0), early: Number(rows[0]?.early ?? 0) };
    },

    async hold(tx, jobId) {
      await tx.execute(
        `update tasks set state = 'held', lease = null, lease_expires_at = null, fraction = 0, speed = 0, waiting = null
         where job_id = $1 and state in ('ready', 'leased')`,
        [jobId],
      );
    },

    async redo(tx, jobId, tracks) {
      // A track that is not ready waits for spans that are made again, or already holds their names.
      const [found] = await tx.query<{ readonly tracks: readonly string[] }>(
        `select array(
           select distinct r.track_id from renditions r
           where r.job_id = $1 and (r.track_id = any($2) or r.state <> 'ready' and exists (
             select 1 from tasks t where t.job_id = $1 and t.kind = 'encode_video'
               and t.tracks && $2 and r.track_id = any(t.tracks)))) as tracks`,
        [jobId, tracks],
      );
      const all = found?.tracks ?? [];
      const keys = await tx.query<{ readonly key: string }>(
        `select distinct o.value -> 'blob' ->> 'key' as key
         from tasks t, jsonb_array_elements(t.outputs) o
         where t.job_id = $1 and t.tracks && $2
           and not exists (
             select 1 from renditions r where r.job_id = $1 and r.blob ->> 'key' = o.value -> 'blob' ->> 'key'
               and r.track_id <> all($2))`,
        [jobId, all],
      );
      await tx.execute(
        `update tasks set state = case kind when 'join_video' then 'blocked' else 'held' end,
           work = case kind when 'join_video' then jsonb_set(work, '{spans}', '[]') else work end,
           outputs = null, lease = null, lease_expires_at = null, fraction = 0, speed = 0, waiting = null
         where job_id = $1 and tracks && $2`,
        [jobId, all],
      );
      return { tracks: all, keys: keys.map((row) => row.key) };
    },

    async resume(tx, jobId, now) {
      await tx.execute(
        `update tasks set state = 'ready', attempts = 0, available_at = $2, hinted_at = $2, leased_at = null,
           ended_at = null
         where job_id = $1 and state in ('held', 'failed')`,
        [jobId, now],
      );
    },

    async findExpired(now, limit) {
      const rows = await db.query<{
        readonly id: string;
        readonly job_id: string;
        readonly attempts: number;
        readonly worker: string;
      }>(
        `select id, job_id, attempts, worker from tasks
         where state = 'leased' and lease_expires_at < $1 order by lease_expires_at limit $2`,
        [now, limit],
      );
      return rows.map((row) => ({ id: row.id, jobId: row.job_id, attempts: row.attempts, worker: row.worker }));
    },

    async takeOverdue(before, now, limit) {
      const rows = await db.query<{ readonly priority: number; readonly count: string }>(
        `with late as (
           select id from tasks where state = 'ready' and hinted_at < $1 order by priority, rank, id limit $3
           for update skip locked
         ), touched as (
           update tasks t set hinted_at = $2 from late where t.id = late.id returning t.priority
         )
         select priority, count(*) as count from touched group by priority`,
        [before, now, limit],
      );
      return rows.map(toCount);
    },

    async countReady() {
      const rows = await db.query<{ readonly priority: number; readonly count: string }>(
        `select priority, count(*) as count from tasks where state = 'ready' group by priority`,
      );
      return rows.map(toCount);
    },

    async countWaiting() {
      const rows = await db.query<{ readonly count: string }>(
        `select count(*) as count from tasks where state = 'ready' and waiting is not null`,
      );
      return Number(rows[0]?.count ?? 0);
    },

    async workerSeen(name, now) {
      await db.execute(
        `insert into workers (name, seen_at) values ($1, $2) on conflict (name) do update set seen_at = excluded.seen_at`,
        [name, now],
      );
    },

    async countWorkers(since) {
      const rows = await db.query<{ readonly count: string }>(
        `select count(*) as count from (
           select name from workers where seen_at >= $1
           union select worker from tasks where state = 'leased'
         ) busy`,
        [since],
      );
      return Number(rows[0]?.count ?? 0);
    },

    async forgetWorkers(before) {
      await db.execute(`delete from workers where seen_at < $1`, [before]);
    },
  };
}

function toCount(row: { readonly priority: number; readonly count: string }) {
  return { priority: toPriority(row.priority), count: Number(row.count) };
}

function toPriority(value: number): TaskPriority {
  return value === 0 ? 0 : 1;
}
