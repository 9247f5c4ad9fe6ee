/** What can go wrong with the database, as errors for the caller, and how stores recognise a broken constraint. */

import pg from "pg";
import { AppError } from "#pkg/errors/errors";
import { outOfSpace } from "#pkg/errors/space";

/** Constraint classes that stores turn into errors of their own; SQLSTATE class 23 (PostgreSQL manual, appendix A). */
const CONSTRAINT_CODES = {
  unique: "23505",
  foreign_key: "23503",
  check: "23514",
  not_null: "23502",
  exclusion: "23P01",
} as const;

/** True where the server refused a row for this kind of constraint, and for the named one where a name is given. */
export function isConstraintViolation(
  error: unknown,
  kind: keyof typeof CONSTRAINT_CODES,
  constraint?: string,
): boolean {
  return (
    error instanceof pg.DatabaseError &&
    error.code === CONSTRAINT_CODES[kind] &&
    (constraint === undefined || error.constraint === constraint)
  );
}

/** Serialization failure or deadlock: the same transaction may succeed when it is run again. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/** The server had no room for what a statement needed to write. */
export function isDatabaseFull(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "53100";
}

/** True where the connection, not the statement, is at fault. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? "";
    // 08 connection exception, 57P0x shutdown/crash/starting up, 53300 too many connections
    return code.startsWith("08") || /^57P0[1-5]$/.test(code) || code === "53300";
  }
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return NETWORK_CODES.has(code) || DRIVER_MESSAGES.some((message) => error.message.includes(message));
}

const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
]);

// @NOTE node-postgres gives these errors no code
const DRIVER_MESSAGES = [
  "Connection terminated",
  "Client has encountered a connection error",
  "timeout exceeded when trying to connect",
  "timeout expired",
  "Client was closed and is not queryable",
  "Query read timeout",
];

/** The error that callers see for what the driver threw; anything that is not about availability passes unchanged. */
export function toAppError(error: unknown): unknown {
  if (isConnectionLoss(error)) return databaseUnavailable(error);
  if (isConflict(error)) return databaseConflict(error);
  if (isDatabaseFull(error)) return databaseFull(error);
  if (error instanceof pg.DatabaseError && error.code === "57014") return statementTimeout(error);
  // text with U+0000, which PostgreSQL cannot store, in a column or inside jsonb
  if (error instanceof pg.DatabaseError && (error.code === "22021" || error.code === "22P05"))
    return textInvalid(error);
  return error;
}

export function databaseUnavailable(cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "DATABASE_UNAVAILABLE",
    message: "The database does not answer. Try again shortly.",
    retryAfterMs: 1000,
    cause,
  });
}

export function databaseFull(cause?: unknown): AppError {
  return outOfSpace("the database", cause);
}

function databaseConflict(cause: unknown): AppError {
  return new AppError({
    kind: "aborted",
    reason: "DATABASE_CONFLICT",
    message: "Another change got in the way. Try again.",
    cause,
  });
}

function statementTimeout(cause: unknown): AppError {
  return new AppError({
    kind: "deadline_exceeded",
    reason: "DATABASE_STATEMENT_TIMEOUT",
    message: "The database took too long.",
    cause,
  });
}

function textInvalid(cause: unknown): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "DATABASE_TEXT_INVALID",
    message: "A text holds a character that cannot be stored.",
    cause,
  });
}

/** `problem` names the file or number at fault. */
export function migrationRefused(schema: string, problem: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "MIGRATION_REFUSED",
    message: `Schema ${schema} cannot be migrated: ${problem}.`,
  });
}

export function migrationMissing(schema: string, files: readonly string[]): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "MIGRATION_MISSING",
    message: `Schema ${schema} lacks ${files.join(", ")}; run the migrate command first.`,
  });
}

export function migrationFailed(schema: string, file: string, cause: unknown): AppError {
  return new AppError({
    kind: "internal",
    reason: "MIGRATION_FAILED",
    message: `Schema ${schema}: ${file} failed: ${cause instanceof Error ? cause.message : String(cause)}.`,
    cause,
  });
}

export function folderUnreachable(folder: string, user: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "POSTGRES_FOLDER_UNREACHABLE",
    message: `The data folder ${folder} cannot be reached by user ${user}, as whom PostgreSQL runs; choose another folder or open the folders above it (chmod a+x).`,
  });
}

export function folderInUse(folder: string, pid: number): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "POSTGRES_FOLDER_IN_USE",
    message: `The data folder ${folder} is in use by process ${pid}.`,
  });
}

export function folderForeign(folder: string, problem: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "POSTGRES_FOLDER_FOREIGN",
    message: `The data folder ${folder} cannot be used: ${problem}.`,
  });
}

export function serverNotStarted(folder: string, output: string): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "POSTGRES_NOT_STARTED",
    message: `PostgreSQL did not start in ${folder}: ${output}`,
  });
}

export function binariesMissing(problem: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "POSTGRES_BINARIES_MISSING",
    message: `The PostgreSQL binaries cannot be used: ${problem}.`,
  });
}
