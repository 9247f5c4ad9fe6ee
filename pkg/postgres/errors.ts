/** What can go wrong with the database, as errors for the caller, and how stores recognise a broken constraint. */

import pg from "pg";
import { type AppError, defineErrors } from "#pkg/errors/errors";
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
  if (isConnectionLoss(error)) return errors.DATABASE_UNAVAILABLE(error);
  if (isConflict(error)) return errors.DATABASE_CONFLICT(error);
  if (isDatabaseFull(error)) return databaseFull(error);
  if (error instanceof pg.DatabaseError && error.code === "57014") return errors.DATABASE_STATEMENT_TIMEOUT(error);
  // text with U+0000, which PostgreSQL cannot store, in a column or inside jsonb
  if (error instanceof pg.DatabaseError && (error.code === "22021" || error.code === "22P05"))
    return errors.DATABASE_TEXT_INVALID(error);
  return error;
}

export function databaseFull(cause?: unknown): AppError {
  return outOfSpace("the database", cause);
}

export const errors = defineErrors({
  DATABASE_UNAVAILABLE: [
    "unavailable",
    (cause: unknown) => ({ message: "The database does not answer. Try again shortly.", retryAfterMs: 1000, cause }),
  ],
  DATABASE_CONFLICT: ["aborted", "Another change got in the way. Try again."],
  DATABASE_STATEMENT_TIMEOUT: ["deadline_exceeded", "The database took too long."],
  DATABASE_TEXT_INVALID: ["invalid_argument", "A text holds a character that cannot be stored."],
  /** `problem` names the file or number at fault. */
  MIGRATION_REFUSED: [
    "failed_precondition",
    (schema: string, problem: string) => `Schema ${schema} cannot be migrated: ${problem}.`,
  ],
  MIGRATION_MISSING: [
    "failed_precondition",
    (schema: string, files: readonly string[]) =>
      `Schema ${schema} lacks ${files.join(", ")}; run the migrate command first.`,
  ],
  MIGRATION_FAILED: [
    "internal",
    (schema: string, file: string, cause: unknown) => ({
      message: `Schema ${schema}: ${file} failed: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    }),
  ],
  POSTGRES_FOLDER_UNREACHABLE: [
    "failed_precondition",
    (folder: string, user: string) =>
      `The data folder ${folder} cannot be reached by user ${user}, as whom PostgreSQL runs; choose another folder or open the folders above it (chmod a+x).`,
  ],
  POSTGRES_FOLDER_IN_USE: [
    "failed_precondition",
    (folder: string, pid: number) => `The data folder ${folder} is in use by process ${pid}.`,
  ],
  POSTGRES_FOLDER_FOREIGN: [
    "failed_precondition",
    (folder: string, problem: string) => `The data folder ${folder} cannot be used: ${problem}.`,
  ],
  POSTGRES_NOT_STARTED: [
    "unavailable",
    (folder: string, output: string) => `PostgreSQL did not start in ${folder}: ${output}`,
  ],
  POSTGRES_BINARIES_MISSING: [
    "failed_precondition",
    (problem: string) => `The PostgreSQL binaries cannot be used: ${problem}.`,
  ],
});
