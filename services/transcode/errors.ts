/** What transcode refuses, each reason written once. */

import { AppError } from "#pkg/errors/errors";
import type { Failure } from "./domain/job.ts";

export function jobNotFound(id: string): AppError {
  return new AppError({
    kind: "not_found",
    reason: "JOB_NOT_FOUND",
    message: "There is no such job, or it belongs to somebody else.",
    metadata: { job: `jobs/${id}` },
  });
}

export function jobChanged(id: string): AppError {
  return new AppError({
    kind: "aborted",
    reason: "JOB_CHANGED",
    message: "The job has changed since it was last read; read it again.",
    metadata: { job: `jobs/${id}` },
  });
}

export function jobAlreadyEnded(id: string, state: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "JOB_ALREADY_ENDED",
    message: `The job has ${state} already; there is nothing left to cancel.`,
    metadata: { job: `jobs/${id}`, state },
  });
}

export function jobNotRetryable(id: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "JOB_NOT_RETRYABLE",
    message: "The job has succeeded, and its package has not failed; there is nothing to run again.",
    metadata: { job: `jobs/${id}` },
  });
}

export function jobSourceDeleted(id: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "JOB_SOURCE_DELETED",
    message: "The film file of this job has been deleted, so it cannot be run again.",
    metadata: { job: `jobs/${id}` },
  });
}

export function taskNotFound(id: string): AppError {
  return new AppError({
    kind: "not_found",
    reason: "TASK_NOT_FOUND",
    message: "There is no such task.",
    metadata: { task: `tasks/${id}` },
  });
}

export function taskLeaseLost(id: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "TASK_LEASE_LOST",
    message: "The task was cancelled, or its lease ran out and it was given to another worker.",
    metadata: { task: `tasks/${id}` },
  });
}

export function taskOutputInvalid(id: string, what: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "TASK_OUTPUT_INVALID",
    message: `The results do not fit the task: ${what}.`,
    metadata: { task: `tasks/${id}` },
  });
}

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
