/** The refusals of every keys adapter, each reason written once. */

import { AppError } from "#pkg/errors/errors";

/** One message for every cause: which part did not match is nobody's business. */
export function keyUnwrapFailed(cause?: unknown): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "KEY_UNWRAP_FAILED",
    message: "The wrapped secret cannot be opened: another context, a changed ciphertext or an unknown root key.",
    cause,
  });
}

export function keyPlaintextSize(size: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "KEY_PLAINTEXT_SIZE",
    message: `A secret to be wrapped has 1 to 4096 bytes, this one has ${size}.`,
  });
}

export function keyContextInvalid(what: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "KEY_CONTEXT_INVALID",
    message: `A key's context is ids of [A-Za-z0-9._:/-], 1 to 128 characters each, for it is logged in the clear: ${what}.`,
  });
}

export function keyFileExposed(path: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "KEY_FILE_EXPOSED",
    message: `The root key file ${path} can be read by others than its owner; make it private with chmod 600.`,
  });
}

export function keyFileInvalid(path: string, cause: unknown): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "KEY_FILE_INVALID",
    message: `${path} is not a root key file of Matinee.`,
    cause,
  });
}

export function keyFileUnavailable(path: string, cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "KEY_FILE_UNAVAILABLE",
    message: `The root key file ${path} cannot be read or made.`,
    cause,
  });
}

export function keysUrlUnsupported(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "KEYS_URL_UNSUPPORTED",
    message: `Keys are opened from a file: or memory: URL, not from "${scheme}".`,
  });
}
