/** Why a worker cannot do a task, beside the errors of the media tools. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  WORKER_SOURCE_MISMATCH: [
    "invalid_argument",
    (planned: number, found: number) => `The film was planned with ${planned} frames, and the worker counts ${found}.`,
  ],
  WORKER_STREAM_MISSING: [
    "invalid_argument",
    (streamIndex: number) => `The film has no stream ${streamIndex} of the planned kind.`,
  ],
  WORKER_TASK_UNKNOWN: ["unimplemented", (what: string) => `This worker cannot do the task: ${what}.`],
  /** For whatever is no `AppError`: a broken disk, a mistake of ours. */
  WORKER_FAILED: [
    "internal",
    (cause: unknown) => ({ message: cause instanceof Error ? cause.message : String(cause), cause }),
  ],
});
