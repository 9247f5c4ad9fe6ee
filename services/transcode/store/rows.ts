/** Rows of transcode's tables, and what they mean. */

import type { Row } from "#pkg/postgres/db";
import type {
  Blob,
  Failure,
  Job,
  JobState,
  LeasedTask,
  Protection,
  Rendition,
  RenditionState,
  TaskOutput,
  TaskState,
  Track,
  Waiting,
  Work,
} from "../domain/job.ts";

export const JOB_COLUMNS =
  "id, asset_id, owner, file_name, protection, source, frame_rate_num, frame_rate_den, frame_count, gop_frames, state, attempt, is_first_playable, posters, failure, package_failure, version, created_at, started_at, ended_at";

export interface JobRow extends Row {
  readonly id: string;
  readonly asset_id: string;
  readonly owner: string;
  readonly file_name: string;
  readonly protection: string;
  readonly source: Blob;
  readonly frame_rate_num: string;
  readonly frame_rate_den: string;
  readonly frame_count: string;
  readonly gop_frames: number;
  readonly state: string;
  readonly attempt: number;
  readonly is_first_playable: boolean;
  readonly posters: readonly Blob[];
  readonly failure: Failure | null;
  readonly package_failure: string | null;
  readonly version: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
}

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    assetId: row.asset_id,
    owner: row.owner,
    fileName: row.file_name,
    protection: row.protection as Protection,
    source: row.source,
    frameRate: { num: Number(row.frame_rate_num), den: Number(row.frame_rate_den) },
    frameCount: Number(row.frame_count),
    gopFrames: row.gop_frames,
    state: row.state as JobState,
    attempt: row.attempt,
    isFirstPlayable: row.is_first_playable,
    posters: row.posters,
    failure: row.failure ?? undefined,
    packageFailure: row.package_failure ?? undefined,
    version: row.version,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
  };
}

export const RENDITION_COLUMNS = "job_id, track_id, track, is_early, state, blob, frame_count, redone";

export interface RenditionRow extends Row {
  readonly job_id: string;
  readonly track_id: string;
  readonly track: Omit<Track, "frameRate"> & { readonly frameRate?: Track["frameRate"] };
  readonly is_early: boolean;
  readonly state: string;
  readonly blob: Blob | null;
  readonly frame_count: string;
  readonly redone: number;
}

export function toRendition(row: RenditionRow): Rendition {
  return {
    // JSON has no undefined.
    track: { ...row.track, frameRate: row.track.frameRate },
    isEarly: row.is_early,
    state: row.state as RenditionState,
    blob: row.blob ?? undefined,
    frameCount: Number(row.frame_count),
    redone: row.redone,
  };
}

/** A task as the rules about leases and results need it. */
export interface Task {
  readonly id: string;
  readonly jobId: string;
  readonly state: TaskState;
  readonly lease: string | undefined;
  readonly attempts: number;
  readonly tracks: readonly string[];
  readonly work: Work;
  readonly isEarly: boolean;
  /** What it waited for when it was last given back. */
  readonly waiting: Waiting | undefined;
}

export const TASK_COLUMNS = "id, job_id, state, lease, attempts, tracks, work, is_early, waiting";

export interface TaskRow extends Row {
  readonly id: string;
  readonly job_id: string;
  readonly state: string;
  readonly lease: string | null;
  readonly attempts: number;
  readonly tracks: readonly string[];
  readonly work: Work;
  readonly is_early: boolean;
  readonly waiting: Waiting | null;
}

export function toTask(row: TaskRow): Task {
  return {
    id: row.id,
    jobId: row.job_id,
    state: row.state as TaskState,
    lease: row.lease ?? undefined,
    attempts: row.attempts,
    tracks: row.tracks,
    work: row.work,
    isEarly: row.is_early,
    waiting: row.waiting ?? undefined,
  };
}

export interface LeasedRow extends Row {
  readonly id: string;
  readonly job_id: string;
  readonly asset_id: string;
  readonly lease: string;
  readonly lease_expires_at: Date;
  readonly attempts: number;
  readonly work: Work;
  readonly source: Blob;
  readonly frame_rate_num: string;
  readonly frame_rate_den: string;
  readonly frame_count: string;
  readonly gop_frames: number;
}

export function toLeasedTask(row: LeasedRow): LeasedTask {
  return {
    id: row.id,
    jobId: row.job_id,
    assetId: row.asset_id,
    lease: row.lease,
    leaseExpiresAt: row.lease_expires_at,
    attempt: row.attempts,
    source: row.source,
    frameRate: { num: Number(row.frame_rate_num), den: Number(row.frame_rate_den) },
    frameCount: Number(row.frame_count),
    gopFrames: row.gop_frames,
    work: row.work,
  };
}

/** An encoded span of a rendition, with its place. */
export interface StoredSpan {
  readonly firstFrame: number;
  readonly output: TaskOutput;
}
