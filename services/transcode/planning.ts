/** Makes a job out of an ingested asset, and takes it back when the asset goes. */

import type { Inbox } from "#pkg/app/module";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import type { Failure, Job, TaskPriority } from "./domain/job.ts";
import { type Plan, type PlanOptions, planJob, whyUnusable } from "./domain/plan.ts";
import type { IngestedAsset, Rung, SourceMedia } from "./domain/source.ts";
import { errors, failureOf } from "./errors.ts";
import type { TranscodeEvents } from "./events.ts";
import type { JobStore } from "./store/job-store.ts";
import type { TaskStore } from "./store/task-store.ts";
import type { WakeUps } from "./wake-ups.ts";

export interface PlanningOptions {
  readonly db: Db;
  readonly inbox: Inbox;
  readonly jobs: JobStore;
  readonly tasks: TaskStore;
  readonly wakeUps: WakeUps;
  readonly events: TranscodeEvents;
  readonly mezzanine: BlobStore;
  readonly images: BlobStore;
  readonly clock: Clock;
  /** The renditions that a picture is good for, from the lowest up. */
  readonly ladderOf: (video: SourceMedia["video"]) => readonly Rung[];
  readonly plan: Omit<PlanOptions, "workers" | "now">;
  /** Workers to plan for at least. */
  readonly minWorkers: number;
  readonly leaseMs: number;
}

/** A worker that asked for a task this lately is there. */
const WORKER_SEEN_MS = 60_000;
const MAX_WORKERS = 64;

export class Planning {
  readonly #options: PlanningOptions;

  constructor(options: PlanningOptions) {
    this.#options = options;
  }

  /** Makes the asset's one job. */
  async onIngested(asset: IngestedAsset, eventId: string): Promise<void> {
    const { db, inbox, jobs, tasks, events, clock } = this.#options;
    const now = clock.now();
    const workers = await this.#countWorkers(now);
    await db.tx(async (tx) => {
      if (!(await inbox.firstTime(tx, eventId))) return;
      // The two events come in any order, or at once: whichever has the lock second sees what the other one did.
      await jobs.lockAsset(tx, asset.assetId);
      if (await jobs.isDeleted(tx, asset.assetId)) return;
      const planned = this.#plan(asset, workers, now);
      const job = newJob(asset, planned, now);
      const isUnusable = "reason" in planned;
      if (!(await jobs.insert(tx, job, isUnusable ? [] : planned.tracks))) return;
      if (isUnusable) {
        await events.jobFailed(tx, job, planned);
        return;
      }
      await tasks.insert(tx, job.id, planned.tasks, now);
      events.jobPlanned(tx, job, planned.tasks.length);
      tx.afterCommit(() => this.#wake(planned));
    });
  }

  /** Cancels the asset's job and removes what it stored, now and once more when no worker can hold a lease. */
  async onDeleted(assetId: string, eventId: string): Promise<void> {
    const { db, inbox, jobs, tasks, events, clock, leaseMs } = this.#options;
    const now = clock.now();
    await db.tx(async (tx) => {
      if (!(await inbox.firstTime(tx, eventId))) return;
      await jobs.lockAsset(tx, assetId);
      await jobs.insertDeleted(tx, assetId, now, new Date(now.getTime() + 2 * leaseMs));
      const job = await jobs.lockByAsset(tx, assetId);
      if (job === undefined || (job.state !== "queued" && job.state !== "running")) return;
      await jobs.end(tx, job.id, "canceled", undefined, now);
      await tasks.hold(tx, job.id);
      events.jobCanceled(tx, job);
    });
    await this.purge(assetId);
  }

  /** Removes every file that was made from the asset. */
  async purge(assetId: string): Promise<void> {
    await this.#options.mezzanine.deletePrefix(`${assetId}/`);
    await this.#options.images.deletePrefix(`${assetId}/`);
  }

  #plan({ media }: IngestedAsset, workers: number, now: Date): Plan | Failure {
    if (media === undefined) return failureOf(errors.TRANSCODE_SOURCE_UNUSABLE("it has no picture"));
    const why = whyUnusable(media);
    if (why !== undefined) return failureOf(errors.TRANSCODE_SOURCE_UNUSABLE(why));
    return planJob(media, this.#options.ladderOf(media.video), { ...this.#options.plan, workers, now });
  }

  async #countWorkers(now: Date): Promise<number> {
    const seen = await this.#options.tasks.countWorkers(new Date(now.getTime() - WORKER_SEEN_MS));
    return Math.min(MAX_WORKERS, Math.max(this.#options.minWorkers, seen));
  }

  #wake({ tasks }: Plan): void {
    for (const priority of [0, 1] satisfies TaskPriority[]) {
      const ready = tasks.filter((task) => task.state === "ready" && task.priority === priority);
      this.#options.wakeUps.send(priority, ready.length);
    }
  }
}

function newJob(asset: IngestedAsset, planned: Plan | Failure, now: Date): Job {
  const { media, ...rest } = asset;
  const failure = "reason" in planned ? planned : undefined;
  return {
    ...rest,
    id: newId(),
    frameRate: media?.video.frameRate ?? { num: 1, den: 1 },
    frameCount: media?.video.frameCount ?? 0,
    gopFrames: "reason" in planned ? 1 : planned.gopFrames,
    state: failure === undefined ? "queued" : "failed",
    attempt: 1,
    isFirstPlayable: false,
    posters: [],
    failure,
    packageFailure: undefined,
    version: 1,
    createdAt: now,
    startedAt: undefined,
    endedAt: failure === undefined ? undefined : now,
  };
}
