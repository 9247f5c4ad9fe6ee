/** What transcode refuses, each reason written once. */

import { type AppError, defineErrors } from "#pkg/errors/errors";
import type { Failure } from "./domain/job.ts";

export const errors = defineErrors({
  JOB_NOT_FOUND: [
    "not_found",
    (id: string) => ({
      message: "There is no such job, or it belongs to somebody else.",
      metadata: { job: `jobs/${id}` },
    }),
  ],
  JOB_CHANGED: [
    "aborted",
    (id: string) => ({
      message: "The job has changed since it was last read; read it again.",
      metadata: { job: `jobs/${id}` },
    }),
  ],
  JOB_ALREADY_ENDED: [
    "failed_precondition",
    (id: string, state: string) => ({
      message: `The job has ${state} already; there is nothing left to cancel.`,
      metadata: { job: `jobs/${id}`, state },
    }),
  ],
  JOB_NOT_RETRYABLE: [
    "failed_precondition",
    (id: string) => ({
      message: "The job has succeeded, and its package has not failed; there is nothing to run again.",
      metadata: { job: `jobs/${id}` },
    }),
  ],
  JOB_SOURCE_DELETED: [
    "failed_precondition",
    (id: string) => ({
      message: "The film file of this job has been deleted, so it cannot be run again.",
      metadata: { job: `jobs/${id}` },
    }),
  ],
  TASK_NOT_FOUND: [
    "not_found",
    (id: string) => ({ message: "There is no such task.", metadata: { task: `tasks/${id}` } }),
  ],
  TASK_LEASE_LOST: [
    "failed_precondition",
    (id: string) => ({
      message: "The task was cancelled, or its lease ran out and it was given to another worker.",
      metadata: { task: `tasks/${id}` },
    }),
  ],
  TASK_OUTPUT_INVALID: [
    "invalid_argument",
    (id: string, what: string) => ({
      message: `The results do not fit the task: ${what}.`,
      metadata: { task: `tasks/${id}` },
    }),
  ],
  /** The asset cannot be planned for. */
  TRANSCODE_SOURCE_UNUSABLE: ["invalid_argument", (what: string) => `The film cannot be transcoded: ${what}.`],
  TRANSCODE_WORKER_LOST: [
    "unavailable",
    (attempts: number) => `The worker vanished at each of ${attempts} attempts at the same piece of the film.`,
  ],
  /** The packager cannot read what is made, however often. */
  TRANSCODE_RENDITION_UNREADABLE: [
    "internal",
    (tracks: readonly string[], tries: number) =>
      `What was encoded could not be packaged, and neither could what was encoded ${tries} times anew: ${tracks.join(", ")}.`,
  ],
});

/** An error as a job keeps it. `track` is the one at fault, where it is one. */
export function failureOf({ reason, message }: AppError, track = ""): Failure {
  return { reason, message, logTail: "", track };
}
