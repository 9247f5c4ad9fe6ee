/** Jobs and their renditions in the database. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { Blob, Failure, Job, JobState, Rendition, RenditionState, Track } from "../domain/job.ts";
import type { PlannedTrack } from "../domain/plan.ts";
import { JOB_COLUMNS, type JobRow, RENDITION_COLUMNS, type RenditionRow, toJob, toRendition } from "./rows.ts";

/** What a rendition becomes. */
export interface RenditionChange {
  readonly state: RenditionState;
  readonly track?: Track;
  readonly blob?: Blob;
  readonly frameCount?: number;
}

export interface JobPage {
  /** All where undefined. */
  readonly owner: string | undefined;
  readonly state: JobState | undefined;
  readonly assetId: string | undefined;
  /** Only ids below this one. */
  readonly before: string | undefined;
  readonly limit: number;
}

export interface JobStore {
  /** False where the asset has a job already. */
  insert(tx: Tx, job: Job, tracks: readonly PlannedTrack[]): Promise<boolean>;
  find(id: string): Promise<Job | undefined>;
  /** The job, locked until the transaction ends: results of one job come one after the other. */
  lock(tx: Tx, id: string): Promise<Job | undefined>;
  lockByAsset(tx: Tx, assetId: string): Promise<Job | undefined>;
  /** Newest first. */
  list(page: JobPage): Promise<Job[]>;
  /** Marks a queued job as running; nothing where it is not queued. */
  begin(id: string, now: Date): Promise<void>;
  end(
    tx: Tx,
    id: string,
    state: "succeeded" | "failed" | "canceled",
    failure: Failure | undefined,
    now: Date,
  ): Promise<void>;
  restart(tx: Tx, id: string, now: Date): Promise<void>;
  /** Jobs that changed since they were last told of, marked as told. */
  takeUntold(tx: Tx, limit: number): Promise<Job[]>;
  /** Remembers why the job's package failed for good. */
  setPackageFailure(tx: Tx, id: string, reason: string): Promise<void>;
  setFirstPlayable(tx: Tx, id: string): Promise<void>;
  setPosters(tx: Tx, id: string, posters: readonly Blob[]): Promise<void>;
  renditions(db: Queryable, id: string): Promise<Rendition[]>;
  setRendition(tx: Tx, id: string, trackId: string, change: RenditionChange): Promise<void>;
  /** Takes ready renditions back, to be made anew; with an early one among them the job is not playable any more. */
  redoRenditions(tx: Tx, id: string, trackIds: readonly string[]): Promise<void>;
  /** Puts failed renditions back, as if none had ever been made anew. */
  resetRenditions(tx: Tx, id: string): Promise<void>;
  /** Succeeded jobs that ended before `before` and still have their spans. */
  findWithSpans(before: Date, limit: number): Promise<readonly { readonly id: string; readonly assetId: string }[]>;
  /** Keys of encoded spans that are no rendition's file. */
  spanKeys(id: string): Promise<string[]>;
  setSpansRemoved(id: string, now: Date): Promise<void>;
  /** Remembers that the asset is gone; what it left is to be removed at `purgeAt`. */
  insertDeleted(tx: Tx, assetId: string, now: Date, purgeAt: Date): Promise<void>;
  isDeleted(tx: Queryable, assetId: string): Promise<boolean>;
  /** Holds back others that make or take back the asset's job until the transaction ends. */
  lockAsset(tx: Tx, assetId: string): Promise<void>;
  findPurges(now: Date, limit: number): Promise<string[]>;
  setPurged(assetId: string): Promise<void>;
}

/** Notified when a job changed its state. */
export const JOB_CHANGES_CHANNEL = "job_changes";

export function openJobStore(db: Db): JobStore {
  return {
    async insert(tx, job, tracks) {
      const touched = await tx.execute(
        `insert into jobs (id, asset_id, owner, file_name, protection, source, frame_rate_num, frame_rate_den,
           frame_count, gop_frames, state, attempt_started_at, failure, created_at, ended_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $14)
         on conflict (asset_id) do nothing`,
        [
          job.id,
          job.assetId,
          job.owner,
          job.fileName,
          job.protection,
          JSON.stringify(job.source),
          job.frameRate.num,
          job.frameRate.den,
          job.frameCount,
          job.gopFrames,
          job.state,
          job.createdAt,
          job.failure === undefined ? null : JSON.stringify(job.failure),
          job.endedAt ?? null,
        ],
      );
      if (touched === 0) return false;
      await tx.execute(
        `insert into renditions (job_id, track_id, position, track, is_early, state)
         select $1, r.value -> 'track' ->> 'id', r.ordinality, r.value -> 'track', (r.value ->> 'isEarly')::boolean, 'pending'
         from jsonb_array_elements($2::jsonb) with ordinality r`,
        [job.id, JSON.stringify(tracks)],
      );
      return true;
    },

    async find(id) {
      const rows = await db.query<JobRow>(`select ${JOB_COLUMNS} from jobs where id = $1`, [id]);
      return rows[0] && toJob(rows[0]);
    },

    async lock(tx, id) {
      const rows = await tx.query<JobRow>(`select ${JOB_COLUMNS} from jobs where id = $1 for update`, [id]);
      return rows[0] && toJob(rows[0]);
    },

    async lockByAsset(tx, assetId) {
      const rows = await tx.query<JobRow>(`select ${JOB_COLUMNS} from jobs where asset_id = $1 for update`, [assetId]);
      return rows[0] && toJob(rows[0]);
    },

    async list({ owner, state, assetId, before, limit }) {
      const rows = await db.query<JobRow>(
        `select ${JOB_COLUMNS} from jobs
         where ($1::text is null or owner = $1) and ($2::text is null or state = $2)
           and ($3::uuid is null or asset_id = $3) and ($4::uuid is null or id < $4)
         order by id desc limit $5`,
        [owner ?? null, state ?? null, assetId ?? null, before ?? null, limit],
      );
      return rows.map(toJob);
    },

    async begin(id, now) {
      await db.execute(
        `update jobs set state = 'running', version = version + 1, started_at = coalesce(started_at, $2)
         where id = $1 and state = 'queued'`,
        [id, now],
      );
    },

    async end(tx, id, state, failure, now) {
      await tx.execute(`update jobs set state = $2, failure = $3, version = version + 1, ended_at = $4 where id = $1`, [
        id,
        state,
        failure === undefined ? null : JSON.stringify(failure),
        now,
      ]);
    },

    async restart(tx, id, now) {
      await tx.execute(
        `update jobs set state = 'queued', failure = null, version = version + 1, ended_at = null,
           attempt = attempt + 1, attempt_started_at = $2, package_failure = null, spans_removed_at = null
         where id = $1`,
        [id, now],
      );
    },

    async takeUntold(tx, limit) {
      const rows = await tx.query<JobRow>(
        `with next as materialized (
           select id from jobs where told_version < version order by id limit $1 for update skip locked)
         update jobs set told_version = version where id in (select id from next)
         returning ${JOB_COLUMNS}`,
        [limit],
      );
      return rows.map(toJob);
    },

    async setPackageFailure(tx, id, reason) {
      await tx.execute(`update jobs set package_failure = $2, version = version + 1 where id = $1`, [id, reason]);
    },

    async setFirstPlayable(tx, id) {
      await tx.execute(`update jobs set is_first_playable = true, version = version + 1 where id = $1`, [id]);
    },

    async setPosters(tx, id, posters) {
      await tx.execute(`update jobs set posters = $2 where id = $1`, [id, JSON.stringify(posters)]);
    },

    async renditions(queryable, id) {
      const rows = await queryable.query<RenditionRow>(
        `select ${RENDITION_COLUMNS} from renditions where job_id = $1 order by position`,
        [id],
      );
      return rows.map(toRendition);
    },

    async setRendition(tx, id, trackId, { state, track, blob, frameCount }) {
      await tx.execute(
        `update renditions set state = $3, track = coalesce($4, track), blob = $5, frame_count = $6
         where job_id = $1 and track_id = $2`,
        [
          id,
          trackId,
          state,
          track === undefined ? null : JSON.stringify(track),
          blob === undefined ? null : JSON.stringify(blob),
          frameCount ?? 0,
        ],
      );
    },

    async redoRenditions(tx, id, trackIds) {
      await tx.execute(
        `with taken as (
           update renditions set state = 'pending', blob = null, frame_count = 0,
             redone = redone + case state when 'ready' then 1 else 0 end
           where job_id = $1 and track_id = any($2) returning is_early)
         update jobs set is_first_playable = is_first_playable and not (select bool_or(is_early) from taken)
         where id = $1`,
        [id, trackIds],
      );
    },

    async resetRenditions(tx, id) {
      await tx.execute(
        `update renditions set state = case state when 'failed' then 'pending' else state end, redone = 0
         where job_id = $1`,
        [id],
      );
    },

    async findWithSpans(before, limit) {
      const rows = await db.query<{ readonly id: string; readonly asset_id: string }>(
        `select id, asset_id from jobs where state = 'succeeded' and spans_removed_at is null and ended_at < $1
         order by ended_at limit $2`,
        [before, limit],
      );
      return rows.map((row) => ({ id: row.id, assetId: row.asset_id }));
    },

    async spanKeys(id) {
      const rows = await db.query<{ readonly key: string }>(
        `select distinct o.value -> 'blob' ->> 'key' as key
         from tasks t, jsonb_array_elements(t.outputs) o
         where t.job_id = $1 and t.kind = 'encode_video'
           and not exists (
             select 1 from renditions r where r.job_id = $1 and r.blob ->> 'key' = o.value -> 'blob' ->> 'key')`,
        [id],
      );
      return rows.map((row) => row.key);
    },

    async setSpansRemoved(id, now) {
      await db.execute(`update jobs set spans_removed_at = $2 where id = $1`, [id, now]);
    },

    async insertDeleted(tx, assetId, now, purgeAt) {
      await tx.execute(
        `insert into deleted_assets (asset_id, deleted_at, purge_at) values ($1, $2, $3) on conflict (asset_id) do nothing`,
        [assetId, now, purgeAt],
      );
    },

    async isDeleted(queryable, assetId) {
      const rows = await queryable.query(`select 1 from deleted_assets where asset_id = $1`, [assetId]);
      return rows.length > 0;
    },

    async lockAsset(tx, assetId) {
      await tx.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [assetId]);
    },

    async findPurges(now, limit) {
      const rows = await db.query<{ readonly asset_id: string }>(
        `select asset_id from deleted_assets where purge_at <= $1 order by purge_at limit $2`,
        [now, limit],
      );
      return rows.map((row) => row.asset_id);
    },

    async setPurged(assetId) {
      await db.execute(`update deleted_assets set purge_at = null where asset_id = $1`, [assetId]);
    },
  };
}
