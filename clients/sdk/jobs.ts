/** The jobs of assets: found, followed, and read for a person. */

import { sleep } from "./clock.ts";
import { jobCanceled, jobFailed } from "./errors.ts";
import { type Job, Job_State } from "./gen/matinee/transcode/v1/job_pb.ts";
import { TranscodeService } from "./gen/matinee/transcode/v1/transcode_service_pb.ts";
import type { Platform } from "./platform.ts";
import { follow } from "./stream.ts";

const LOOK_AGAIN_MS = 500;

export function hasEnded(job: Job): boolean {
  return job.state === Job_State.SUCCEEDED || job.state === Job_State.FAILED || job.state === Job_State.CANCELED;
}

/** The asset's newest job; waits until there is one. */
export async function waitForJob(platform: Platform, asset: string, signal: AbortSignal): Promise<Job> {
  for (;;) {
    const { jobs } = await platform.client(TranscodeService).listJobs({ asset, pageSize: 1 }, { signal });
    if (jobs[0] !== undefined) return jobs[0];
    await sleep(LOOK_AGAIN_MS, signal);
  }
}

/** The job as it is now and at each change, until it has ended. */
export async function* watchJob(platform: Platform, name: string, signal: AbortSignal): AsyncGenerator<Job> {
  let last: Job | undefined;
  const messages = follow({
    open: (inner) => platform.client(TranscodeService).watchJobs({ names: [name] }, { signal: inner }),
    signal,
    isOver: () => last !== undefined && hasEnded(last),
  });
  for await (const { job } of messages) {
    if (job === undefined) continue;
    last = job;
    yield job;
    if (hasEnded(job)) return;
  }
}

/** Throws the job's failure where it failed or was cancelled. */
export function assertSucceeded(job: Job): void {
  if (job.state === Job_State.CANCELED) throw jobCanceled(job.name);
  if (job.state !== Job_State.FAILED) return;
  const { reason, message, logTail } = job.failure ?? { reason: "", message: "", logTail: "" };
  throw jobFailed(job.name, reason || "JOB_FAILED", message || "The film could not be transcoded.", logTail);
}
