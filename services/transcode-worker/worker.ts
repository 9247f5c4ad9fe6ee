/** The life of a worker: lease a task, do it, hand the results in, again. */

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import type { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Clock } from "#pkg/clock/clock";
import { type AppError, isAppError, isRetryable } from "#pkg/errors/errors";
import { isFull } from "#pkg/errors/free-space";
import { isOutOfSpace, outOfSpace } from "#pkg/errors/space";
import type { Logger } from "#pkg/obs/obs";
import { fromProtoTask, toProtoOutput } from "./convert.ts";
import { errors } from "./errors.ts";
import { leaseOf } from "./lease.ts";
import { storeResults } from "./results.ts";
import { SourceCache } from "./source.ts";
import type { Output, Task } from "./task.ts";
import { doWork } from "./work.ts";

export interface WorkerOptions {
  /** Host and process, for the log of transcode. */
  readonly name: string;
  readonly transcode: Client<typeof WorkerService>;
  readonly originals: BlobStore;
  readonly mezzanine: BlobStore;
  readonly images: BlobStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly scratch: string;
  readonly reportMs: number;
  readonly taskTimeoutMs: number;
  readonly maxOutputBytes: number;
}

/** Longer than the 20 s for which transcode waits. */
const LEASE_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 3_000;
const COMPLETE_TRIES = 8;
const FAIL_TIMEOUT_MS = 3_000;
const MAX_MESSAGE_CHARS = 2_000;
const MAX_LOG_CHARS = 16_000;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #sources: SourceCache;
  readonly #taskFolder: string;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#sources = new SourceCache(options.originals, join(options.scratch, "source"));
    this.#taskFolder = join(options.scratch, "task");
  }

  /** Works until the signal is aborted; a task in hand is given back then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        const task = await this.#lease(signal);
        pauseMs = FIRST_PAUSE_MS;
        if (task !== undefined) await this.#handle(task, signal);
      } catch (err) {
        if (signal.aborted) return;
        log.warn({ err, pauseMs }, "no task could be leased");
        await clock.sleep(pauseMs, signal).catch(() => {});
        pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
      }
    }
  }

  async #lease(signal: AbortSignal): Promise<Task | undefined> {
    const { transcode, name } = this.#options;
    const { task } = await transcode.leaseTask({ worker: name }, { signal, timeoutMs: LEASE_TIMEOUT_MS });
    return task && fromProtoTask(task);
  }

  async #handle(task: Task, signal: AbortSignal): Promise<void> {
    const { transcode, clock, log, reportMs } = this.#options;
    await using lease = leaseOf({ task, transcode, clock, log, reportMs });
    const stop = AbortSignal.any([signal, lease.lost]);
    try {
      const outputs = await this.#do(task, stop, lease.onProgress);
      await this.#complete(task, outputs, stop);
    } catch (error) {
      if (lease.lost.aborted) log.info({ taskId: task.id, why: String(lease.lost.reason) }, "task dropped");
      else await this.#fail(task, error, signal.aborted ? "ending" : "failed");
    }
  }

  async #do(
    task: Task,
    signal: AbortSignal,
    onProgress: Parameters<typeof doWork>[1]["onProgress"],
  ): Promise<Output[]> {
    const { mezzanine, taskTimeoutMs, maxOutputBytes, log } = this.#options;
    const folder = this.#taskFolder;
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const made = await doWork(task.work, {
        source: () => this.#sources.open(task.source, signal),
        mezzanine,
        folder,
        tool: { signal, log, timeoutMs: taskTimeoutMs, maxOutputBytes },
        onProgress,
      });
      return await storeResults(task, made, this.#options, signal);
    } catch (error) {
      // Asked before the folder is emptied. Tools that run out of space say so in many ways, and some not at all.
      if (!signal.aborted && !isOutOfSpace(error) && (await isFull(this.#options.scratch))) {
        throw outOfSpace(this.#scratchName, error);
      }
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** As an operator finds it. */
  get #scratchName(): string {
    return `the scratch folder of worker ${this.#options.name}`;
  }

  async #complete(task: Task, outputs: readonly Output[], signal: AbortSignal): Promise<void> {
    const { transcode, clock } = this.#options;
    const request = { task: `tasks/${task.id}`, lease: task.lease, outputs: outputs.map(toProtoOutput) };
    for (let tries = 1; ; tries++) {
      try {
        await transcode.completeTask(request, { signal });
        return;
      } catch (error) {
        // What is stored may not be lost because transcode is being restarted, or its database is full.
        const mayEnd = tries >= COMPLETE_TRIES && !isOutOfSpace(error);
        if (mayEnd || !(isRetryable(error) || isOutOfSpace(error))) throw error;
        await clock.sleep(FIRST_PAUSE_MS * 2 ** Math.min(tries, COMPLETE_TRIES - 1), signal);
      }
    }
  }

  async #fail(task: Task, cause: unknown, why: "failed" | "ending"): Promise<void> {
    const { transcode, log } = this.#options;
    const hasNoRoom = isOutOfSpace(cause);
    const error = isAppError(cause)
      ? cause
      : hasNoRoom
        ? outOfSpace(this.#scratchName, cause)
        : errors.WORKER_FAILED(cause);
    if (why === "failed" && !hasNoRoom) log.warn({ taskId: task.id, kind: task.work.kind, err: error }, "task failed");
    try {
      await transcode.failTask(
        {
          task: `tasks/${task.id}`,
          lease: task.lease,
          reason: error.reason,
          message: error.message.slice(0, MAX_MESSAGE_CHARS),
          logTail: (error.metadata.log ?? "").slice(-MAX_LOG_CHARS),
          isRetryable: mayRetry(error),
          isGivenBack: why === "ending",
          isOutOfSpace: hasNoRoom,
        },
        { timeoutMs: FAIL_TIMEOUT_MS },
      );
    } catch (err) {
      // The lease runs out by itself.
      log.info({ err, taskId: task.id }, "failure could not be reported");
    }
  }
}

/** The file's fault stays; everything else may be this machine's. */
function mayRetry(error: AppError): boolean {
  return error.kind !== "invalid_argument" && error.kind !== "not_found" && error.kind !== "unimplemented";
}
