/** Tasks as workers see them: leased, reported on, handed in or given back. */

import type { BlobStore } from "#pkg/blobstore/blobstore";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { WakeUp } from "#pkg/work/wake-up";
import type { Failure, Job, LeasedTask, TaskOutput } from "./domain/job.ts";
import { findMistake } from "./domain/outputs.ts";
import { errors, failureOf } from "./errors.ts";
import type { TranscodeEvents } from "./events.ts";
import type { Results } from "./results.ts";
import type { JobStore } from "./store/job-store.ts";
import type { ExpiredTask, TaskStore } from "./store/task-store.ts";
import type { WakeUps } from "./wake-ups.ts";

export interface TasksOptions {
  readonly db: Db;
  readonly jobs: JobStore;
  readonly tasks: TaskStore;
  readonly results: Results;
  readonly wakeUps: WakeUps;
  readonly events: TranscodeEvents;
  readonly mezzanine: BlobStore;
  readonly images: BlobStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly longPollMs: number;
  readonly pollMs: number;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  /** Pause before a task is tried again for which there was no room. */
  readonly spaceDelayMs: number;
}

/** Why a worker did not finish a task. */
export interface TaskFailure extends Omit<Failure, "track"> {
  /**
   * `free`: the worker ends and gives the task back, which is nobody's fault and costs no attempt. `waits`: there is no
   * room for it, which costs none either, however long it lasts.
   */
  readonly retry: "none" | "counted" | "free" | "waits";
}

export class Tasks {
  readonly #options: TasksOptions;

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  /** Waits for a task, for `longPollMs` at most; undefined where there was none. */
  async lease(worker: string, signal: AbortSignal): Promise<LeasedTask | undefined> {
    const { wakeUps, tasks, clock, longPollMs, pollMs } = this.#options;
    const endMs = clock.now().getTime() + longPollMs;
    const wakeUp = new WakeUp();
    using _waiting = wakeUps.enter(wakeUp);
    await tasks.workerSeen(worker, clock.now());
    while (!signal.aborted) {
      wakeUp.reset();
      const task = await this.#leaseNow(worker);
      if (task !== undefined && signal.aborted) {
        // The worker has gone and will never hear of it.
        await tasks.release(this.#options.db, task.id, task.lease, {
          attempts: task.attempt - 1,
          availableAt: clock.now(),
        });
        return undefined;
      }
      const leftMs = endMs - clock.now().getTime();
      if (task !== undefined || leftMs <= 0) return task;
      await wakeUp.wait(Math.min(pollMs, leftMs), clock, signal);
    }
    return undefined;
  }

  /** Renews the lease. `should_stop` where it is lost. */
  async report(taskId: string, lease: string, fraction: number, speed: number): Promise<"continue" | "stop"> {
    const { tasks, clock, leaseMs } = this.#options;
    const isHeld = await tasks.reportProgress({ taskId, lease, fraction, speed, now: clock.now(), leaseMs });
    return isHeld ? "continue" : "stop";
  }

  /** Takes the results over. Throws `TASK_LEASE_LOST`, `TASK_OUTPUT_INVALID`. */
  async complete(taskId: string, lease: string, outputs: readonly TaskOutput[]): Promise<void> {
    const { db, jobs, tasks, results, events, clock } = this.#options;
    const found = await tasks.find(db, taskId);
    if (found === undefined) throw errors.TASK_NOT_FOUND(taskId);
    if (found.state === "done" && found.lease === lease) return;
    if (found.state !== "leased" || found.lease !== lease) throw errors.TASK_LEASE_LOST(taskId);
    const job = await jobs.find(found.jobId);
    const mistake = job === undefined ? "its job is gone" : findMistake(job, found, outputs);
    if (mistake !== undefined) throw errors.TASK_OUTPUT_INVALID(taskId, mistake);
    for (const { blob } of outputs) await this.#checkStored(taskId, blob);
    const now = clock.now();
    await db.tx(async (tx) => {
      const locked = await jobs.lock(tx, found.jobId);
      if (locked === undefined || !(await tasks.finish(tx, taskId, lease, outputs, now))) {
        // A repeat of the same call may have come first.
        const current = await tasks.find(tx, taskId);
        if (current?.state === "done" && current.lease === lease) return;
        throw errors.TASK_LEASE_LOST(taskId);
      }
      events.taskEnded(tx, taskId, found.work.kind, "done");
      await results.take(tx, locked, found, outputs, now);
    });
  }

  /** Tries the task again, or fails its job where that is no use. Throws `TASK_LEASE_LOST`. */
  async fail(taskId: string, lease: string, failure: TaskFailure): Promise<void> {
    const { db, tasks, clock, maxAttempts, retryDelayMs, spaceDelayMs, wakeUps, events } = this.#options;
    const found = await tasks.find(db, taskId);
    if (found === undefined) throw errors.TASK_NOT_FOUND(taskId);
    if (found.state !== "leased" || found.lease !== lease) throw errors.TASK_LEASE_LOST(taskId);
    const now = clock.now();
    const { retry, ...reason } = failure;
    if (retry === "none" || (retry === "counted" && found.attempts >= maxAttempts)) {
      await this.#failJob(found.jobId, taskId, lease, { ...reason, track: onlyTrack(found.tracks) });
      return;
    }
    const delayMs = retry === "free" ? 0 : retry === "waits" ? spaceDelayMs : retryDelayMs * 2 ** (found.attempts - 1);
    const attempts = retry === "counted" ? found.attempts : found.attempts - 1;
    const availableAt = new Date(now.getTime() + delayMs);
    const waiting = retry === "waits" ? { reason: reason.reason, message: reason.message } : undefined;
    await db.tx(async (tx) => {
      if (!(await tasks.release(tx, taskId, lease, { attempts, availableAt, ...(waiting && { waiting }) }))) return;
      const detail = { reason: failure.reason, detail: failure.message, attempts };
      if (waiting === undefined) events.taskEnded(tx, taskId, found.work.kind, "retried", detail);
      else events.taskWaits(tx, found, waiting);
      tx.afterCommit(() => wakeUps.send(found.isEarly ? 0 : 1, 1, delayMs));
    });
  }

  /** Puts a task back whose worker fell silent, or fails its job after too many attempts. */
  async expire(expired: ExpiredTask): Promise<void> {
    const { db, tasks, clock, maxAttempts, wakeUps, events } = this.#options;
    const task = await tasks.find(db, expired.id);
    if (task?.lease === undefined || task.state !== "leased") return;
    const { lease } = task;
    if (task.attempts >= maxAttempts) {
      await this.#failJob(task.jobId, task.id, lease, {
        ...failureOf(errors.TRANSCODE_WORKER_LOST(task.attempts)),
        track: onlyTrack(task.tracks),
      });
      return;
    }
    await db.tx(async (tx) => {
      const then = { attempts: task.attempts, availableAt: clock.now() };
      if (!(await tasks.release(tx, task.id, lease, then))) return;
      events.taskEnded(tx, task.id, task.work.kind, "lost", { worker: expired.worker, attempts: task.attempts });
      tx.afterCommit(() => wakeUps.send(task.isEarly ? 0 : 1, 1));
    });
  }

  async #leaseNow(worker: string): Promise<LeasedTask | undefined> {
    const { tasks, jobs, events, clock, leaseMs } = this.#options;
    const now = clock.now();
    const task = await tasks.leaseNext({ worker, lease: newId(), now, leaseMs });
    if (task === undefined) return undefined;
    // Not in one transaction with the lease: it would take the rows in another order than results do.
    await jobs.begin(task.jobId, now);
    events.taskLeased(task, worker);
    return task;
  }

  async #failJob(jobId: string, taskId: string, lease: string, failure: Failure): Promise<void> {
    const { db, jobs, tasks, events, clock } = this.#options;
    const now = clock.now();
    await db.tx(async (tx) => {
      const job: Job | undefined = await jobs.lock(tx, jobId);
      const task = await tasks.find(tx, taskId);
      if (job === undefined || !(await tasks.fail(tx, taskId, lease, now))) throw errors.TASK_LEASE_LOST(taskId);
      events.taskEnded(tx, taskId, task?.work.kind ?? "", "failed", { reason: failure.reason });
      for (const track of task?.tracks ?? []) await jobs.setRendition(tx, jobId, track, { state: "failed" });
      await jobs.end(tx, jobId, "failed", failure, now);
      await tasks.hold(tx, jobId);
      await events.jobFailed(tx, job, failure);
    });
  }

  async #checkStored(taskId: string, blob: TaskOutput["blob"]): Promise<void> {
    const store = blob.store === "images" ? this.#options.images : this.#options.mezzanine;
    const stored = await store.find(blob.key);
    if (stored === undefined) throw errors.TASK_OUTPUT_INVALID(taskId, `${blob.key} is not stored`);
    if (stored.sizeBytes !== blob.sizeBytes || (stored.sha256 !== undefined && stored.sha256 !== blob.sha256)) {
      throw errors.TASK_OUTPUT_INVALID(taskId, `${blob.key} is stored with other bytes`);
    }
  }
}

/** The track at fault; empty where the task makes several. */
function onlyTrack(tracks: readonly string[]): string {
  return tracks.length === 1 ? (tracks[0] ?? "") : "";
}
