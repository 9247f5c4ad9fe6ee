/** Keeps a task's lease by reporting its progress, and says when it is lost. */

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { OnProgress, Task } from "./task.ts";

export interface LeaseOptions {
  readonly task: Task;
  readonly transcode: Client<typeof WorkerService>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly reportMs: number;
}

export interface HeldLease extends AsyncDisposable {
  /** Aborted when the task is no longer ours. */
  readonly lost: AbortSignal;
  readonly onProgress: OnProgress;
}

const REPORT_TIMEOUT_MS = 5_000;

/** Reports until it is disposed of. */
export function holdLease({ task, transcode, clock, log, reportMs }: LeaseOptions): HeldLease {
  const lost = new AbortController();
  const ended = new AbortController();
  let fraction = 0;
  let speed = 0;
  let untilMs = task.leaseExpiresAt.getTime();

  async function report(): Promise<void> {
    const request = { task: `tasks/${task.id}`, lease: task.lease, fraction, speed };
    const answer = await transcode.reportProgress(request, { timeoutMs: REPORT_TIMEOUT_MS });
    if (answer.shouldStop) lost.abort(new Error("the task is no longer wanted from this worker"));
    else if (answer.leaseDuration) untilMs = clock.now().getTime() + durationMs(answer.leaseDuration);
  }

  async function run(): Promise<void> {
    for (;;) {
      try {
        await clock.sleep(reportMs, ended.signal);
      } catch {
        return;
      }
      try {
        await report();
      } catch (err) {
        log.warn({ err, taskId: task.id }, "progress could not be reported");
        if (clock.now().getTime() > untilMs) lost.abort(new Error("the lease ran out while transcode was away"));
      }
      if (lost.signal.aborted) return;
    }
  }

  const running = run();
  return {
    lost: lost.signal,
    onProgress(nextFraction, nextSpeed) {
      fraction = Math.max(0, Math.min(1, nextFraction)) || 0;
      speed = Math.max(0, nextSpeed) || 0;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}
