/** AppError on the wire and back: the code, `google.rpc.ErrorInfo`, `BadRequest` and `RetryInfo`. */

import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb";
import { AppError, type ErrorKind } from "#pkg/errors/errors";
import { errors, transportError } from "./errors.ts";

const CODES: Readonly<Record<ErrorKind, Code>> = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  resource_exhausted: Code.ResourceExhausted,
  aborted: Code.Aborted,
  canceled: Code.Canceled,
  deadline_exceeded: Code.DeadlineExceeded,
  unimplemented: Code.Unimplemented,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
};

const KINDS: ReadonlyMap<Code, ErrorKind> = new Map([
  ...(Object.entries(CODES) as [ErrorKind, Code][]).map(([kind, code]): [Code, ErrorKind] => [code, kind]),
  [Code.OutOfRange, "invalid_argument"],
  [Code.DataLoss, "internal"],
  [Code.Unknown, "internal"],
]);

/** HTTP status by kind, as the Connect protocol maps its codes. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 400,
  resource_exhausted: 429,
  aborted: 409,
  canceled: 499,
  deadline_exceeded: 504,
  unimplemented: 501,
  unavailable: 503,
  internal: 500,
};

/** The HTTP status of a raw route's error. */
export function httpStatusOf(kind: ErrorKind): number {
  return STATUS[kind];
}

/** The error domain of a module, as in `ErrorInfo.domain`. */
export function errorDomain(module: string): string {
  return `${module}.matinee`;
}

function toDuration(ms: number): Duration {
  return create(DurationSchema, { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round(ms % 1000) * 1_000_000 });
}

function detailsOf(error: AppError, module: string) {
  return {
    info: create(ErrorInfoSchema, { reason: error.reason, domain: errorDomain(module), metadata: error.metadata }),
    badRequest:
      error.fields.length === 0
        ? undefined
        : create(BadRequestSchema, { fieldViolations: error.fields.map((field) => ({ ...field })) }),
    retry:
      error.retryAfterMs === undefined
        ? undefined
        : create(RetryInfoSchema, { retryDelay: toDuration(error.retryAfterMs) }),
  };
}

/** What leaves the process; the cause stays. */
export function toConnectError(error: AppError, module: string): ConnectError {
  const { info, badRequest, retry } = detailsOf(error, module);
  const result = new ConnectError(error.message, CODES[error.kind], undefined, [
    { desc: ErrorInfoSchema, value: info },
    ...(badRequest === undefined ? [] : [{ desc: BadRequestSchema, value: badRequest }]),
    ...(retry === undefined ? [] : [{ desc: RetryInfoSchema, value: retry }]),
  ]);
  if (error.retryAfterMs !== undefined) {
    result.metadata.set("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
  }
  return result;
}

/** The error that the peer threw, with the same kind, reason, metadata and fields. Never throws. */
export function fromConnectError(error: ConnectError): AppError {
  const kind = KINDS.get(error.code) ?? "internal";
  const info = error.findDetails(ErrorInfoSchema)[0];
  if (info === undefined) {
    // The client's own timer and signal, which speak no reasons.
    if (kind === "deadline_exceeded") return errors.DEADLINE_EXCEEDED();
    if (kind === "canceled") return errors.CALL_CANCELED(error);
    return transportError(kind, error.rawMessage, error);
  }
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return new AppError({
    kind,
    reason: info.reason,
    message: error.rawMessage,
    metadata: info.metadata,
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap((detail) => detail.fieldViolations.map(({ field, description }) => ({ field, description }))),
    ...(delay === undefined ? {} : { retryAfterMs: Number(delay.seconds) * 1000 + delay.nanos / 1_000_000 }),
    cause: error,
  });
}

/** The error as a caller in the same process may see it: without its cause. */
export function withoutCause(error: AppError): AppError {
  return new AppError({
    kind: error.kind,
    reason: error.reason,
    message: error.message,
    metadata: error.metadata,
    fields: error.fields,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}

/** The body of a raw route's error, in the JSON form of the Connect protocol with the details readable. */
export function toErrorJson(error: AppError, module: string): string {
  return JSON.stringify({
    code: error.kind,
    message: error.message,
    details: [
      {
        type: ErrorInfoSchema.typeName,
        debug: { reason: error.reason, domain: errorDomain(module), metadata: error.metadata },
      },
      ...(error.fields.length === 0
        ? []
        : [{ type: BadRequestSchema.typeName, debug: { fieldViolations: error.fields } }]),
    ],
  });
}
