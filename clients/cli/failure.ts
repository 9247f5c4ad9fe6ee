/** What went wrong, for a person: the reason, the fields, and what to do about it; and the exit code. */

import { Code } from "@connectrpc/connect";
import { isCanceled, MatineeError, toMatineeError } from "@matinee/sdk/errors";
import type { Io } from "./io.ts";

export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, denied: 4, interrupted: 130 } as const;

/** A mistake in how the command was called, in one sentence. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command did its work and the answer is bad news that it has already printed. */
export class BadNews extends Error {
  override readonly name = "BadNews";
}

/** Prints the failure and answers the exit code. */
export function report(cause: unknown, io: Io, json: boolean): number {
  if (cause instanceof BadNews) return EXIT.failed;
  if (isCanceled(cause) && io.signal.aborted) return EXIT.interrupted;
  const error = fromSystem(cause);
  const cure = cureOf(error);
  if (json) {
    const { reason, message, fields, metadata } = error;
    io.err.write(`${JSON.stringify({ error: { reason, message, fields, metadata, cure } })}\n`);
  } else {
    io.err.write(`matinee: ${error.message}${error.reason === "" ? "" : ` (${error.reason})`}\n`);
    for (const { field, description } of error.fields) io.err.write(`  ${field}: ${description}\n`);
    const tail = error.metadata.log_tail;
    if (tail !== undefined) io.err.write(`\n${tail.replace(/^/gm, "  ")}\n\n`);
    if (cure !== undefined) io.err.write(`  ${cure}\n`);
  }
  if (cause instanceof UsageError) return EXIT.usage;
  if (error.reason === "UNREACHABLE") return EXIT.unreachable;
  return error.code === Code.Unauthenticated || error.code === Code.PermissionDenied ? EXIT.denied : EXIT.failed;
}

function fromSystem(cause: unknown): MatineeError {
  if (cause instanceof UsageError) {
    return new MatineeError({ code: Code.InvalidArgument, reason: "", message: cause.message });
  }
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string" && "path" in cause) {
    const texts: Record<string, string> = {
      ENOENT: "does not exist",
      EACCES: "cannot be read",
      EISDIR: "is a folder",
      EEXIST: "is a file",
    };
    const text = texts[cause.code] ?? cause.message;
    return new MatineeError({
      code: Code.InvalidArgument,
      reason: cause.code,
      message: `${String(cause.path)} ${text}`,
    });
  }
  return toMatineeError(cause);
}

function cureOf(error: MatineeError): string | undefined {
  switch (error.reason) {
    case "UNREACHABLE":
      return 'Start it with "matinee up", or say where it is with --url.';
    case "SESSION_OVER":
    case "SIGN_IN_REQUIRED":
    case "TOKEN_INVALID":
    case "TOKEN_EXPIRED":
      return 'Sign in with "matinee login", or set MATINEE_EMAIL and MATINEE_PASSWORD.';
    case "ACCESS_DENIED":
    case "PERMISSION_MISSING":
      return 'This needs the operator\'s account: "matinee login studio@matinee.test".';
    default:
      if (error.metadata.job !== undefined) {
        return `Run the same import again, or "matinee jobs retry ${error.metadata.job}".`;
      }
      if (error.metadata.package !== undefined) {
        return `Run the same import again, or "matinee packages retry ${error.metadata.package}".`;
      }
      return undefined;
  }
}
