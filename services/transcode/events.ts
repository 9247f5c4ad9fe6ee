/** What transcode tells the others: the event, the counter and the log line of each fact, in one place. */

import { JobChangedSchema, RenditionsReadySchema, TranscodeFailedSchema } from "#gen/matinee/transcode/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { toProtoJob, toRenditionsReady, toTranscodeFailed } from "./convert.ts";
import type { Failure, Job, LeasedTask, Rendition, TaskPriority, Waiting } from "./domain/job.ts";
import type { JobView } from "./domain/progress.ts";
import type { Task } from "./store/rows.ts";

export interface TranscodeEvents {
  jobPlanned(tx: Tx, job: Job, tasks: number): void;
  /** Revision 0: enough to watch. */
  firstPlayable(tx: Tx, job: Job, renditions: readonly Rendition[], now: Date): Promise<void>;
  jobSucceeded(tx: Tx, job: Job, renditions: readonly Rendition[], now: Date): Promise<void>;
  jobFailed(tx: Tx, job: Job, failure: Failure): Promise<void>;
  jobCanceled(tx: Tx, job: Job): void;
  jobRetried(tx: Tx, job: Job): void;
  /** For views: the job as it is now. */
  jobChanged(tx: Tx, view: JobView): Promise<void>;
  taskLeased(task: LeasedTask, worker: string): void;
  taskEnded(
    tx: Tx,
    taskId: string,
    kind: string,
    outcome: "done" | "retried" | "failed" | "lost",
    detail?: object,
  ): void;
  /** A task found no room. Said once, however often it is tried while there is none. */
  taskWaits(tx: Tx, task: Task, waiting: Waiting): void;
  /** Renditions are made anew because the packager cannot read them. */
  jobRedone(tx: Tx, job: Job, tracks: readonly string[]): void;
  tasksWaiting(priority: TaskPriority, count: number): void;
  tasksWithoutRoom(count: number): void;
}

export const TRANSCODE_EVENTS = [RenditionsReadySchema, TranscodeFailedSchema, JobChangedSchema] as const;

const FIRST_REVISION = 0;
const FINAL_REVISION = 1;

export function openTranscodeEvents(options: {
  readonly outbox: Outbox<(typeof TRANSCODE_EVENTS)[number]>;
  readonly metrics: Metrics;
  readonly log: Logger;
}): TranscodeEvents {
  const { outbox, metrics, log } = options;
  const jobs = metrics.counter("matinee_transcode_jobs_total", "Jobs, by what happened", ["event"]);
  const tasks = metrics.counter("matinee_transcode_tasks_total", "Tasks, by kind and outcome", ["kind", "outcome"]);
  const seconds = metrics.histogram(
    "matinee_transcode_job_seconds",
    "Time from planning to an event of a job",
    [1, 5, 15, 30, 60, 120, 300, 900, 3600, 14_400],
    ["event"],
  );
  const waiting = metrics.gauge("matinee_transcode_ready_tasks", "Tasks that wait for a worker, by priority", [
    "priority",
  ]);
  const withoutRoom = metrics.gauge("matinee_transcode_tasks_without_space", "Tasks that wait for space on a disk");
  const since = (job: Job, now: Date) => (now.getTime() - job.createdAt.getTime()) / 1000;

  return {
    jobPlanned(tx, job, count) {
      tx.afterCommit(() => {
        jobs.add(1, { event: "planned" });
        log.info({ jobId: job.id, assetId: job.assetId, frames: job.frameCount, tasks: count }, "job planned");
      });
    },

    async firstPlayable(tx, job, renditions, now) {
      const message = toRenditionsReady(job, renditions, { revision: FIRST_REVISION, isComplete: false });
      await outbox.emit(tx, RenditionsReadySchema, message, job.assetId);
      tx.afterCommit(() => {
        jobs.add(1, { event: "first_playable" });
        seconds.record(since(job, now), { event: "first_playable" });
        log.info({ jobId: job.id, assetId: job.assetId }, "first renditions ready");
      });
    },

    async jobSucceeded(tx, job, renditions, now) {
      const message = toRenditionsReady(job, renditions, { revision: FINAL_REVISION, isComplete: true });
      await outbox.emit(tx, RenditionsReadySchema, message, job.assetId);
      tx.afterCommit(() => {
        jobs.add(1, { event: "succeeded" });
        seconds.record(since(job, now), { event: "succeeded" });
        log.info({ jobId: job.id, assetId: job.assetId, attempt: job.attempt }, "job succeeded");
      });
    },

    async jobFailed(tx, job, failure) {
      await outbox.emit(tx, TranscodeFailedSchema, toTranscodeFailed(job, failure), job.assetId);
      tx.afterCommit(() => {
        jobs.add(1, { event: "failed" });
        log.warn({ jobId: job.id, assetId: job.assetId, ...failure }, "job failed");
      });
    },

    jobCanceled(tx, job) {
      tx.afterCommit(() => {
        jobs.add(1, { event: "canceled" });
        log.info({ jobId: job.id, assetId: job.assetId }, "job cancelled");
      });
    },

    jobRetried(tx, job) {
      tx.afterCommit(() => {
        jobs.add(1, { event: "retried" });
        log.info({ jobId: job.id, assetId: job.assetId }, "job queued again");
      });
    },

    async jobChanged(tx, view) {
      await outbox.emit(tx, JobChangedSchema, { job: toProtoJob(view) }, view.job.assetId);
    },

    taskLeased(task, worker) {
      log.debug({ taskId: task.id, jobId: task.jobId, kind: task.work.kind, worker }, "task leased");
    },

    taskEnded(tx, taskId, kind, outcome, detail = {}) {
      tx.afterCommit(() => {
        tasks.add(1, { kind, outcome });
        if (outcome === "done") log.debug({ taskId, kind }, "task done");
        else log.warn({ taskId, kind, outcome, ...detail }, "task not done");
      });
    },

    taskWaits(tx, { id, work, waiting: before }, waiting) {
      tx.afterCommit(() => {
        tasks.add(1, { kind: work.kind, outcome: "waits" });
        if (before?.reason === waiting.reason) return;
        log.warn({ taskId: id, kind: work.kind, ...waiting }, "task waits for space");
      });
    },

    jobRedone(tx, job, tracks) {
      tx.afterCommit(() => {
        jobs.add(1, { event: "redone" });
        log.warn({ jobId: job.id, assetId: job.assetId, tracks }, "renditions that cannot be packaged are made anew");
      });
    },

    tasksWithoutRoom(count) {
      withoutRoom.set(count);
    },

    tasksWaiting(priority, count) {
      waiting.set(count, { priority: String(priority) });
    },
  };
}
