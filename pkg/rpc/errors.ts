/** The errors that the frame itself answers with, each reason written once. */

import { AppError, defineErrors, type FieldViolation, inField } from "#pkg/errors/errors";

export const errors = defineErrors({
  /** The request breaks rules of its contract. */
  VALIDATION_FAILED: [
    "invalid_argument",
    (fields: readonly FieldViolation[]) => {
      const first = fields[0];
      const text =
        first === undefined ? "the request is not valid" : `${first.field || "request"}: ${first.description}`;
      const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : "";
      return { message: text + more, fields };
    },
  ],
  /** A create came without the id that makes it repeatable. */
  REQUEST_ID_REQUIRED: [
    "invalid_argument",
    () => inField("request_id", "must be a UUID, the same one for every repeat of this request"),
  ],
  /** The call names something that is not served here, or not to this caller. */
  TARGET_NOT_FOUND: ["not_found", (name: string) => `${name} is not served here`],
  /** Nobody is signed in, and somebody must be. */
  SIGN_IN_REQUIRED: ["unauthenticated", "sign in first"],
  /** The caller is known and may not do this. */
  ACCESS_DENIED: ["permission_denied", "you may not do this"],
  /** The account is signed in without a profile, and the call is made for one. */
  PROFILE_REQUIRED: ["permission_denied", "choose a profile first"],
  /** The operator lacks a permission. */
  PERMISSION_MISSING: [
    "permission_denied",
    (permission: string) => ({ message: `this needs the permission ${permission}`, metadata: { permission } }),
  ],
  /** The caller claims to be a module and cannot prove it. */
  PEER_UNPROVED: ["unauthenticated", "the caller's module identity could not be verified"],
  /** The caller has used up its share of calls. */
  RATE_LIMITED: [
    "resource_exhausted",
    (retryAfterMs: number) => ({
      message: `too many requests; try again in ${Math.ceil(retryAfterMs / 1000)} s`,
      retryAfterMs,
    }),
  ],
  /** The caller's time is up. */
  DEADLINE_EXCEEDED: ["deadline_exceeded", "the call did not finish within its deadline"],
  /** The caller has gone. */
  CALL_CANCELED: ["canceled", "the caller canceled the call"],
  /** The process is going away; another replica will answer. */
  DRAINING: ["unavailable", () => ({ message: "the server is shutting down; try again", retryAfterMs: 1000 })],
  /** A peer cannot be reached. */
  PEER_UNAVAILABLE: [
    "unavailable",
    (module: string, cause?: unknown) => ({ message: `${module} cannot be reached`, metadata: { module }, cause }),
  ],
  /** The message has more bytes than any of ours, as they came or inflated. */
  MESSAGE_TOO_LARGE: [
    "resource_exhausted",
    (limitBytes: number) => ({
      message: `a message may have at most ${limitBytes} bytes`,
      metadata: { limit_bytes: String(limitBytes) },
    }),
  ],
  /** The bytes are no message of this method. What the parser says about them stays here. */
  MESSAGE_MALFORMED: [
    "invalid_argument",
    "the body is not a message of this method in the encoding that the headers name",
  ],
  /** The message did not come in whole. */
  MESSAGE_TOO_SLOW: [
    "deadline_exceeded",
    (limitMs: number) => `a message must have arrived whole within ${limitMs / 1000} s`,
  ],
  /** Inflating costs a thousand times what it costs to send, so it is done for callers that are known. */
  COMPRESSION_REFUSED: [
    "unimplemented",
    "send this message without compression; gzip is taken from callers that are signed in",
  ],
  /** The request line or a header makes no sense, such as a Host that is no authority. */
  REQUEST_MALFORMED: ["invalid_argument", "the request's target or its Host header is malformed"],
  /** Another content type than those of Connect, gRPC and gRPC-Web. */
  MEDIA_TYPE_UNSUPPORTED: ["unimplemented", "this is called by Connect, gRPC or gRPC-Web, in JSON or binary"],
  /** Whatever was not meant for the caller. */
  INTERNAL: [
    "internal",
    (traceId: string, cause: unknown) => ({
      message: `internal error, trace ${traceId}`,
      metadata: { trace_id: traceId },
      cause,
    }),
  ],
  /** Health was asked of a service that does not run here. */
  HEALTH_UNKNOWN: ["not_found", "this service does not run here"],
  /** All that are not signed in together have as many streams open as they may; none of them is to blame. */
  STRANGERS_LIMITED: [
    "unavailable",
    () => ({ message: "too many people who are not signed in follow something; try again", retryAfterMs: 1000 }),
  ],
  /** The caller has as many calls open as it may. */
  TOO_MANY_CALLS: [
    "resource_exhausted",
    (limit: number) => ({
      message: `no more than ${limit} of these calls at once; end one first`,
      metadata: { limit: String(limit) },
      retryAfterMs: 1000,
    }),
  ],
  /** The path exists, but not for this HTTP method. */
  METHOD_NOT_ALLOWED: ["unimplemented", (method: string, path: string) => `${path} does not take ${method}`],
});

/** An error of the transport, or of a peer that does not speak our reasons; the kind says what is known. */
export function transportError(kind: AppError["kind"], message: string, cause?: unknown): AppError {
  return new AppError({ kind, reason: "TRANSPORT", message, cause });
}
