/** What transcode refuses, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";
import type { Failure } from "./domain/job.ts";

/** The failure of a job whose asset cannot be planned for. */
export function sourceUnusable(what: string): Failure {
  return {
    reason: "TRANSCODE_SOURCE_UNUSABLE",
    message: `The film cannot be transcoded: ${what}.`,
    logTail: "",
    track: "",
  };
}

/** The failure of a job whose workers vanish over one of its tasks. */
export function workerLost(attempts: number): Failure {
  return {
    reason: "TRANSCODE_WORKER_LOST",
    message: `The worker vanished at each of ${attempts} attempts at the same piece of the film.`,
    logTail: "",
    track: "",
  };
}

/** The failure of a job that makes renditions which the packager cannot read, again and again. */
export function renditionUnreadable(tracks: readonly string[], tries: number): Failure {
  return {
    reason: "TRANSCODE_RENDITION_UNREADABLE",
    message: `What was encoded could not be packaged, and neither could what was encoded ${tries} times anew: ${tracks.join(", ")}.`,
    logTail: "",
    track: tracks.length === 1 ? (tracks[0] ?? "") : "",
  };
}

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
});
