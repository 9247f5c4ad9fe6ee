/** The refusals of every blob store adapter, each reason written once. */

import { AppError } from "#pkg/errors/errors";

export function blobAlreadyExists(key: string): AppError {
  return new AppError({
    kind: "already_exists",
    reason: "BLOB_ALREADY_EXISTS",
    message: "An object is already stored under this key.",
    metadata: { key },
  });
}

export function blobChecksumMismatch(key: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "BLOB_CHECKSUM_MISMATCH",
    message: "The bytes that arrived do not have the SHA-256 that was announced.",
    metadata: { key },
  });
}

export function blobNotFound(key: string): AppError {
  return new AppError({
    kind: "not_found",
    reason: "BLOB_NOT_FOUND",
    message: "No object is stored under this key.",
    metadata: { key },
  });
}

export function blobRangeNotSatisfiable(key: string, sizeBytes: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "BLOB_RANGE_NOT_SATISFIABLE",
    message: `The range starts past the end of the object, which has ${sizeBytes} bytes.`,
    metadata: { key, size_bytes: String(sizeBytes) },
  });
}

export function blobMultipartNotFound(key: string): AppError {
  return new AppError({
    kind: "not_found",
    reason: "BLOB_MULTIPART_NOT_FOUND",
    message: "This multipart upload does not exist, was aborted or is complete.",
    metadata: { key },
  });
}

export function blobPartInvalid(key: string, part: number): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "BLOB_PART_INVALID",
    message: `Part ${part} is not stored as listed, or the parts are not listed in order.`,
    metadata: { key, part: String(part) },
  });
}

/** Said to the older of two senders. */
export function blobPartReplaced(part: number): AppError {
  return new AppError({
    kind: "aborted",
    reason: "BLOB_PART_REPLACED",
    message: `Part ${part} is being sent anew, so this one was given up.`,
    metadata: { part: String(part) },
  });
}

export function blobPartTooSlow(part: number): AppError {
  return new AppError({
    kind: "deadline_exceeded",
    reason: "BLOB_PART_TOO_SLOW",
    message: `Part ${part} stood still for too long; send it again.`,
    metadata: { part: String(part) },
  });
}

export function blobPartsTooMany(limit: number): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "BLOB_PARTS_TOO_MANY",
    message: `At most ${limit} parts of an upload are taken at the same time; send this one when another is through.`,
    metadata: { limit: String(limit) },
  });
}

export function blobKeyInvalid(key: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "BLOB_KEY_INVALID",
    message: 'A key is 1 to 512 characters of [A-Za-z0-9._-] segments joined by "/", none of them "." or "..".',
    metadata: { key: key.slice(0, 512) },
  });
}

export function blobStoreUnavailable(cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "BLOB_STORE_UNAVAILABLE",
    message: "The blob store cannot be reached or written.",
    cause,
  });
}

export function blobStoreUrlUnsupported(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "BLOB_STORE_URL_UNSUPPORTED",
    message: `A blob store is opened from a file: or memory: URL, not from "${scheme}".`,
  });
}

export function blobStoreCannotSign(name: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "BLOB_STORE_CANNOT_SIGN",
    message: `This process holds no secret to sign URLs of the ${name} store with.`,
  });
}
