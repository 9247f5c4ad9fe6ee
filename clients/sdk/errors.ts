/** The one error type that the SDK throws: the service's reason, its fields, and what the client itself found wrong. */

import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.ts";

/** One field of a request and what is wrong with it; `field` is a proto path such as `title.synopsis`. */
export interface FieldError {
  readonly field: string;
  readonly description: string;
}

export interface MatineeErrorInit {
  readonly code: Code;
  readonly reason: string;
  readonly message: string;
  readonly fields?: readonly FieldError[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** What went wrong, for code (`reason`, stable) and for a person (`message`, one sentence). */
export class MatineeError extends Error {
  override readonly name = "MatineeError";
  readonly code: Code;
  readonly reason: string;
  readonly fields: readonly FieldError[];
  readonly metadata: Readonly<Record<string, string>>;
  /** When a retry may succeed, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(init: MatineeErrorInit) {
    super(init.message, { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.fields = init.fields ?? [];
    this.metadata = init.metadata ?? {};
    this.retryAfterMs = init.retryAfterMs;
  }
}

/** The same failure as a MatineeError; what already is one stays as it is. Never throws. */
export function toMatineeError(error: unknown): MatineeError {
  if (error instanceof MatineeError) return error;
  if (isAbort(error)) return canceled(error);
  if (error instanceof ConnectError) return fromConnect(error);
  if (error instanceof TypeError) return unreachable(error);
  const message = error instanceof Error ? error.message : String(error);
  return new MatineeError({ code: Code.Unknown, reason: "CLIENT_FAILED", message, cause: error });
}

/** True where the same request may succeed a little later. */
export function isTransient(error: MatineeError): boolean {
  // An exhausted rate refills and says when; an exhausted plan or disk does not.
  const refills = error.code === Code.ResourceExhausted && error.retryAfterMs !== undefined;
  const mayAnswerNext = error.code === Code.Unavailable || error.reason === "NO_ANSWER_IN_TIME";
  return refills || mayAnswerNext || error.code === Code.Aborted;
}

export function isCanceled(error: unknown): boolean {
  return isAbort(error) || (error instanceof MatineeError && error.code === Code.Canceled);
}

/** Whether the service gave exactly this reason. */
export function hasReason(error: unknown, reason: string): boolean {
  return error instanceof MatineeError && error.reason === reason;
}

function fromConnect(error: ConnectError): MatineeError {
  const info = error.findDetails(ErrorInfoSchema)[0];
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (info === undefined) {
    if (error.code === Code.Canceled) return canceled(error);
    // A fetch that never got an answer surfaces as Unknown or Internal around a TypeError.
    if (error.cause instanceof TypeError) return unreachable(error);
    // Our own timer: the service stands still, or the way to it does.
    if (error.code === Code.DeadlineExceeded) return tooSlow(error);
    // A proxy's or a starting server's 502, 503, 504 or 429 in plain text.
    if (error.code === Code.Unavailable) return unreachable(error);
    // A proxy's or a dying server's plain HTTP error has no reason of ours.
    return new MatineeError({
      code: error.code,
      reason: "SERVER_ANSWER_UNREADABLE",
      message: error.rawMessage || "The service gave an answer that cannot be read.",
      cause: error,
    });
  }
  return new MatineeError({
    code: error.code,
    reason: info.reason,
    message: error.rawMessage,
    metadata: info.metadata,
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field, description }) => ({ field, description }))),
    retryAfterMs: delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    cause: error,
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

/** The work was given up by whoever asked for it. */
export function canceled(cause?: unknown): MatineeError {
  return new MatineeError({ code: Code.Canceled, reason: "CLIENT_CANCELED", message: "This was cancelled.", cause });
}

/** No answer came at all. */
export function unreachable(cause?: unknown): MatineeError {
  return new MatineeError({
    code: Code.Unavailable,
    reason: "UNREACHABLE",
    message: "Matinee cannot be reached at the moment.",
    cause,
  });
}

/** No answer came in time. */
export function tooSlow(cause?: unknown): MatineeError {
  return new MatineeError({
    code: Code.DeadlineExceeded,
    reason: "NO_ANSWER_IN_TIME",
    message: "Matinee takes too long to answer.",
    cause,
  });
}

/** The session is over; only signing in again helps. */
export function signedOut(cause?: unknown): MatineeError {
  return new MatineeError({
    code: Code.Unauthenticated,
    reason: "SESSION_OVER",
    message: "You are signed out. Sign in again.",
    cause,
  });
}

/** The bytes on disk are no longer the ones that were hashed. */
export function sourceChanged(cause?: unknown): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason: "UPLOAD_SOURCE_CHANGED",
    message: "The file changed while it was being uploaded. Start the upload again.",
    cause,
  });
}

/** The store refused a part for good. */
export function partRefused(status: number, answer: string): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason: "UPLOAD_PART_REFUSED",
    message: `The store refused a part of the file (HTTP ${status}). ${answer}`.trim(),
    metadata: { status: String(status) },
  });
}

/** The store has no room; the service says the same of itself by this reason. */
export function outOfSpace(): MatineeError {
  return new MatineeError({
    code: Code.ResourceExhausted,
    reason: "OUT_OF_SPACE",
    message: "The service has no room left. This goes on by itself once there is.",
  });
}

/** The upload is not open for parts any more. */
export function uploadClosed(state: string): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason: "UPLOAD_CLOSED",
    message: `This upload was ${state} on the server. Start it again.`,
  });
}

/** The asset was refused by the service, with its own reason. */
export function assetRejected(reason: string, message: string): MatineeError {
  return new MatineeError({ code: Code.FailedPrecondition, reason, message });
}

/** The job, `jobs/{uuid}`, ended without a film; `reason` is the service's. */
export function jobFailed(job: string, reason: string, message: string, logTail: string): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason,
    message,
    metadata: { ...(job === "" ? {} : { job }), ...(logTail === "" ? {} : { log_tail: logTail }) },
  });
}

/** The package failed for good; `reason` is the service's. */
export function packageFailed(failed: {
  readonly name: string;
  readonly failureReason: string;
  readonly failureMessage: string;
}): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason: failed.failureReason || "PACKAGE_FAILED",
    message: failed.failureMessage || "Packaging failed.",
    metadata: { package: failed.name },
  });
}

/** The job, `jobs/{uuid}`, was cancelled by a person. */
export function jobCanceled(job: string): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason: "JOB_CANCELED",
    message: "The transcoding job was cancelled. Retry it to go on.",
    metadata: { job },
  });
}
