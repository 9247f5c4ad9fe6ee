/** Why a worker cannot do a task, beside the errors of the media tools. */

import { AppError } from "#pkg/errors/errors";

export function sourceMismatch(planned: number, found: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "WORKER_SOURCE_MISMATCH",
    message: `The film was planned with ${planned} frames, and the worker counts ${found}.`,
  });
}

export function streamMissing(streamIndex: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "WORKER_STREAM_MISSING",
    message: `The film has no stream ${streamIndex} of the planned kind.`,
  });
}

export function workUnknown(what: string): AppError {
  return new AppError({
    kind: "unimplemented",
    reason: "WORKER_TASK_UNKNOWN",
    message: `This worker cannot do the task: ${what}.`,
  });
}

/** For whatever is no `AppError`: a broken disk, a mistake of ours. */
export function workerFailed(cause: unknown): AppError {
  return new AppError({
    kind: "internal",
    reason: "WORKER_FAILED",
    message: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}
