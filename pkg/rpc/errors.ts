/** The errors that the frame itself answers with. */

import { AppError, type FieldViolation } from "#pkg/errors/errors";

/** The request breaks rules of its contract. */
export function validationFailed(fields: readonly FieldViolation[]): AppError {
  const first = fields[0];
  const text = first === undefined ? "the request is not valid" : `${first.field || "request"}: ${first.description}`;
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : "";
  return new AppError({ kind: "invalid_argument", reason: "VALIDATION_FAILED", message: text + more, fields });
}

/** A create came without the id that makes it repeatable. */
export function requestIdRequired(): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "REQUEST_ID_REQUIRED",
    message: "request_id: must be a UUID, the same one for every repeat of this request",
    fields: [{ field: "request_id", description: "must be a UUID, the same one for every repeat of this request" }],
  });
}

/** The call names something that is not served here, or not to this caller. */
export function targetNotFound(name: string): AppError {
  return new AppError({ kind: "not_found", reason: "TARGET_NOT_FOUND", message: `${name} is not served here` });
}

/** Nobody is signed in, and somebody must be. */
export function signInRequired(): AppError {
  return new AppError({ kind: "unauthenticated", reason: "SIGN_IN_REQUIRED", message: "sign in first" });
}

/** The caller is known and may not do this. */
export function accessDenied(): AppError {
  return new AppError({ kind: "permission_denied", reason: "ACCESS_DENIED", message: "you may not do this" });
}

/** The account is signed in without a profile, and the call is made for one. */
export function profileRequired(): AppError {
  return new AppError({ kind: "permission_denied", reason: "PROFILE_REQUIRED", message: "choose a profile first" });
}

/** The operator lacks a permission. */
export function permissionMissing(permission: string): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "PERMISSION_MISSING",
    message: `this needs the permission ${permission}`,
    metadata: { permission },
  });
}

/** The caller claims to be a module and cannot prove it. */
export function peerUnproved(): AppError {
  return new AppError({
    kind: "unauthenticated",
    reason: "PEER_UNPROVED",
    message: "the caller's module identity could not be verified",
  });
}

/** The caller has used up its share of calls. */
export function rateLimited(retryAfterMs: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "RATE_LIMITED",
    message: `too many requests; try again in ${Math.ceil(retryAfterMs / 1000)} s`,
    retryAfterMs,
  });
}

/** True for `rateLimited`. */
export function isRateLimited(error: AppError): boolean {
  return error.reason === "RATE_LIMITED";
}

/** The caller's time is up. */
export function deadlineExceeded(): AppError {
  return new AppError({
    kind: "deadline_exceeded",
    reason: "DEADLINE_EXCEEDED",
    message: "the call did not finish within its deadline",
  });
}

/** The caller has gone. */
export function callCanceled(cause?: unknown): AppError {
  return new AppError({ kind: "canceled", reason: "CALL_CANCELED", message: "the caller canceled the call", cause });
}

/** The process is going away; another replica will answer. */
export function draining(): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "DRAINING",
    message: "the server is shutting down; try again",
    retryAfterMs: 1000,
  });
}

/** A peer cannot be reached. */
export function peerUnavailable(module: string, cause?: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "PEER_UNAVAILABLE",
    message: `${module} cannot be reached`,
    metadata: { module },
    cause,
  });
}

/** The message has more bytes than any of ours, as they came or inflated. */
export function messageTooLarge(limitBytes: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "MESSAGE_TOO_LARGE",
    message: `a message may have at most ${limitBytes} bytes`,
    metadata: { limit_bytes: String(limitBytes) },
  });
}

/** The bytes are no message of this method. What the parser says about them stays here. */
export function messageMalformed(cause: unknown): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MESSAGE_MALFORMED",
    message: "the body is not a message of this method in the encoding that the headers name",
    cause,
  });
}

/** The message did not come in whole. */
export function messageTooSlow(limitMs: number): AppError {
  return new AppError({
    kind: "deadline_exceeded",
    reason: "MESSAGE_TOO_SLOW",
    message: `a message must have arrived whole within ${limitMs / 1000} s`,
  });
}

/** Inflating costs a thousand times what it costs to send, so it is done for callers that are known. */
export function compressionRefused(): AppError {
  return new AppError({
    kind: "unimplemented",
    reason: "COMPRESSION_REFUSED",
    message: "send this message without compression; gzip is taken from callers that are signed in",
  });
}

/** The request line or a header makes no sense, such as a Host that is no authority. */
export function requestMalformed(): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "REQUEST_MALFORMED",
    message: "the request's target or its Host header is malformed",
  });
}

/** Another content type than those of Connect, gRPC and gRPC-Web. */
export function mediaTypeUnsupported(): AppError {
  return new AppError({
    kind: "unimplemented",
    reason: "MEDIA_TYPE_UNSUPPORTED",
    message: "this is called by Connect, gRPC or gRPC-Web, in JSON or binary",
  });
}

/** Whatever was not meant for the caller. */
export function internalError(traceId: string, cause: unknown): AppError {
  return new AppError({
    kind: "internal",
    reason: "INTERNAL",
    message: `internal error, trace ${traceId}`,
    metadata: { trace_id: traceId },
    cause,
  });
}

/** An error of the transport, or of a peer that does not speak our reasons; the kind says what is known. */
export function transportError(kind: AppError["kind"], message: string, cause?: unknown): AppError {
  return new AppError({ kind, reason: "TRANSPORT", message, cause });
}

/** Health was asked of a service that does not run here. */
export function healthUnknown(): AppError {
  return new AppError({ kind: "not_found", reason: "HEALTH_UNKNOWN", message: "this service does not run here" });
}

/** The caller, or all that are not signed in together, have as many calls open as they may. */
export function tooManyCalls(limit: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "TOO_MANY_CALLS",
    message: `no more than ${limit} of these calls at once; end one first`,
    metadata: { limit: String(limit) },
    retryAfterMs: 1000,
  });
}

/** The path exists, but not for this HTTP method. */
export function methodNotAllowed(method: string, path: string): AppError {
  return new AppError({
    kind: "unimplemented",
    reason: "METHOD_NOT_ALLOWED",
    message: `${path} does not take ${method}`,
  });
}
