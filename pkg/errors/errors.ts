/** The one error type that crosses layers: a kind (the gRPC code), a stable reason, and the fields at fault. */

/** The gRPC status codes that Matinee answers with, in the names that code reads well with. */
export type ErrorKind =
  | "invalid_argument"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "resource_exhausted"
  | "aborted"
  | "canceled"
  | "deadline_exceeded"
  | "unimplemented"
  | "unavailable"
  | "internal";

/** One field of a request and what is wrong with it; `field` is a proto path such as `upload.size_bytes`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export interface AppErrorInit {
  readonly kind: ErrorKind;
  /** UPPER_SNAKE, unique in the code base (a test checks it); clients switch on it. */
  readonly reason: string;
  /** One sentence for the person who sees it: what is wrong and, where it helps, the limit. Never a secret. */
  readonly message: string;
  /** Machine-readable details, sent as `google.rpc.ErrorInfo.metadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldViolation[];
  /** When a retry may succeed, in milliseconds; sent as `google.rpc.RetryInfo`. */
  readonly retryAfterMs?: number;
  /** Kept for the log, never sent. */
  readonly cause?: unknown;
}

/** An error that is meant for the caller. Anything else that is thrown reaches the caller as a bare Internal. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(init: AppErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.kind = init.kind;
    this.reason = init.reason;
    this.metadata = init.metadata ?? {};
    this.fields = init.fields ?? [];
    this.retryAfterMs = init.retryAfterMs;
  }
}

/** True for an `AppError`, and for one with this reason where a reason is given. */
export function isAppError(error: unknown, reason?: string): error is AppError {
  return error instanceof AppError && (reason === undefined || error.reason === reason);
}

/** True where trying the same call again later may succeed. */
export function isRetryable(error: unknown): boolean {
  return isAppError(error) && (error.kind === "unavailable" || error.kind === "aborted");
}

/** Marks code that the type system proves unreachable. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
