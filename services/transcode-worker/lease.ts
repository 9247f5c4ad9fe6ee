/** Keeps a task's lease by reporting its progress, and says when it is lost. */

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { type HeldLease, holdLease } from "#pkg/work/lease";
import type { OnProgress, Task } from "./task.ts";

export interface LeaseOptions {
  readonly task: Task;
  readonly transcode: Client<typeof WorkerService>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly reportMs: number;
}

export interface TaskLease extends HeldLease {
  readonly onProgress: OnProgress;
}

const REPORT_TIMEOUT_MS = 5_000;

/** Reports until it is disposed of. */
export function leaseOf({ task, transcode, clock, log, reportMs }: LeaseOptions): TaskLease {
  let fraction = 0;
  let speed = 0;
  let until = task.leaseExpiresAt;
  const held = holdLease({
    clock,
    everyMs: reportMs,
    until,
    async renew() {
      const request = { task: `tasks/${task.id}`, lease: task.lease, fraction, speed };
      const answer = await transcode.reportProgress(request, { timeoutMs: REPORT_TIMEOUT_MS });
      if (answer.shouldStop) return "lost";
      if (answer.leaseDuration) until = new Date(clock.now().getTime() + durationMs(answer.leaseDuration));
      return until;
    },
    onFailure: (err) => log.warn({ err, taskId: task.id }, "progress could not be reported"),
  });
  return {
    ...held,
    onProgress(nextFraction, nextSpeed) {
      fraction = Math.max(0, Math.min(1, nextFraction)) || 0;
      speed = Math.max(0, nextSpeed) || 0;
    },
  };
}
