/** Jobs as their owners and operators see and steer them: read, listed, run again, cancelled. */

import { loadPage, type Page, type PageRequest } from "#pkg/aip/page";
import type { Clock } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import { hasEnded, type Job, type JobState } from "./domain/job.ts";
import type { JobView } from "./domain/progress.ts";
import { errors } from "./errors.ts";
import type { TranscodeEvents } from "./events.ts";
import type { Redoing } from "./redoing.ts";
import type { JobStore } from "./store/job-store.ts";
import type { TaskStore } from "./store/task-store.ts";
import type { ViewStore } from "./store/view-store.ts";
import type { WakeUps } from "./wake-ups.ts";

/** Whose jobs a caller may see: their own, as `accounts/{uuid}`, or all. */
export type Scope = { readonly kind: "own"; readonly owner: string } | { readonly kind: "all" };

export interface JobsOptions {
  readonly db: Db;
  readonly jobs: JobStore;
  readonly tasks: TaskStore;
  readonly views: ViewStore;
  readonly wakeUps: WakeUps;
  readonly events: TranscodeEvents;
  readonly clock: Clock;
  readonly redoing: Redoing;
  /** Whether the original is still there. */
  readonly hasSource: (assetId: string) => Promise<boolean>;
}

/** More wake-ups than workers would be noise; one task follows the other. */
const WAKE_UPS = 4;

export class Jobs {
  readonly #options: JobsOptions;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Throws `JOB_NOT_FOUND`, also for somebody else's job. */
  async get(id: string, scope: Scope): Promise<JobView> {
    const job = await this.#options.jobs.find(id);
    if (job === undefined || !isInScope(job, scope)) throw errors.JOB_NOT_FOUND(id);
    return this.#view(job);
  }

  /** Newest first. */
  async list(
    scope: Scope,
    filter: { readonly state: JobState | undefined; readonly assetId: string | undefined },
    request: PageRequest,
  ): Promise<Page<JobView>> {
    const { jobs, views, clock } = this.#options;
    const owner = scope.kind === "own" ? scope.owner : undefined;
    const page = await loadPage<Job>(request, {
      parameters: [owner ?? "", filter.state ?? "", filter.assetId ?? ""],
      load: (limit, after) =>
        jobs.list({ owner, ...filter, before: after === undefined ? undefined : String(after.id), limit }),
      cursorOf: (job) => ({ id: job.id }),
    });
    return { items: await views.views(page.items, clock.now()), nextPageToken: page.nextPageToken };
  }

  /**
   * Queues a failed or cancelled job again; finished tasks stay finished. A job that runs is left alone. One whose
   * package failed for good makes everything anew.
   * Throws `JOB_NOT_FOUND`, `JOB_CHANGED`, `JOB_NOT_RETRYABLE`, `JOB_SOURCE_DELETED`.
   */
  async retry(id: string, etag: string, scope: Scope): Promise<JobView> {
    const { jobs, tasks, events, wakeUps, clock, hasSource, redoing } = this.#options;
    const known = await this.get(id, scope);
    if (!(await hasSource(known.job.assetId))) throw errors.JOB_SOURCE_DELETED(id);
    await this.#change(id, etag, async (tx, job) => {
      if (job.state === "succeeded" && job.packageFailure === undefined) throw errors.JOB_NOT_RETRYABLE(id);
      if (!hasEnded(job.state)) return;
      if (await jobs.isDeleted(tx, job.assetId)) throw errors.JOB_SOURCE_DELETED(id);
      // A job that could not even be planned has nothing to run.
      if (job.frameCount === 0) throw errors.JOB_NOT_RETRYABLE(id);
      const now = clock.now();
      if (job.state === "succeeded") await redoing.undo(tx, job, await redoing.readyTracks(tx, job));
      await jobs.restart(tx, id, now);
      await jobs.resetRenditions(tx, id);
      await tasks.resume(tx, id, now);
      events.jobRetried(tx, job);
      tx.afterCommit(() => {
        wakeUps.send(0, WAKE_UPS);
        wakeUps.send(1, WAKE_UPS);
      });
    });
    return this.get(id, scope);
  }

  /** A cancelled job is left alone. Throws `JOB_NOT_FOUND`, `JOB_CHANGED`, `JOB_ALREADY_ENDED`. */
  async cancel(id: string, etag: string, scope: Scope): Promise<JobView> {
    const { jobs, tasks, events, clock } = this.#options;
    await this.get(id, scope);
    await this.#change(id, etag, async (tx, job) => {
      if (job.state === "canceled") return;
      if (hasEnded(job.state)) throw errors.JOB_ALREADY_ENDED(id, job.state);
      await jobs.end(tx, id, "canceled", undefined, clock.now());
      await tasks.hold(tx, id);
      events.jobCanceled(tx, job);
    });
    return this.get(id, scope);
  }

  async #change(id: string, etag: string, change: (tx: Tx, job: Job) => Promise<void>): Promise<void> {
    const { db, jobs } = this.#options;
    await db.tx(async (tx) => {
      const job = await jobs.lock(tx, id);
      if (job === undefined) throw errors.JOB_NOT_FOUND(id);
      if (etag !== "" && etag !== String(job.version)) throw errors.JOB_CHANGED(id);
      await change(tx, job);
    });
  }

  async #view(job: Job): Promise<JobView> {
    const [view] = await this.#options.views.views([job], this.#options.clock.now());
    if (view === undefined) throw errors.JOB_NOT_FOUND(job.id);
    return view;
  }
}

export function isInScope(job: Job, scope: Scope): boolean {
  return scope.kind === "all" || job.owner === scope.owner;
}
