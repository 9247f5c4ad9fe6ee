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

/** The kind, and what is said: a sentence, or what says it from what is known when it is thrown. */
type ErrorRow = readonly [ErrorKind, string | ((...known: never[]) => string | Omit<AppErrorInit, "kind" | "reason">)];

/** A row without arguments of its own takes the cause. */
type ErrorTable<Rows> = {
  readonly [Reason in keyof Rows]: Rows[Reason] extends readonly [ErrorKind, (...known: infer Known) => unknown]
    ? (...known: Known) => AppError
    : (cause?: unknown) => AppError;
};

/**
 * Everything that a part of the house refuses or fails with, a row a reason: `errors.TITLE_NOT_FOUND()` makes the error.
 * Reasons are UPPER_SNAKE and unique in the code base; the key is where a reader finds both the sentence and its places.
 */
export function defineErrors<const Rows extends Readonly<Record<string, ErrorRow>>>(rows: Rows): ErrorTable<Rows> {
  const table = Object.entries(rows).map(([reason, [kind, said]]) => [
    reason,
    (...known: unknown[]) => {
      if (typeof said === "string") return new AppError({ kind, reason, message: said, cause: known[0] });
      const details = said(...(known as never[]));
      return new AppError({ kind, reason, ...(typeof details === "string" ? { message: details } : details) });
    },
  ]);
  return Object.fromEntries(table) as ErrorTable<Rows>;
}

/** What is wrong with one field of the request, for a row of a table. */
export function inField(
  field: string,
  description: string,
): { readonly message: string; readonly fields: readonly FieldViolation[] } {
  return { message: `${field}: ${description}`, fields: [{ field, description }] };
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
