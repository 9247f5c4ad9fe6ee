/** The refusals of every blob store adapter, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  BLOB_ALREADY_EXISTS: [
    "already_exists",
    (key: string) => ({ message: "An object is already stored under this key.", metadata: { key } }),
  ],
  BLOB_CHECKSUM_MISMATCH: [
    "invalid_argument",
    (key: string) => ({
      message: "The bytes that arrived do not have the SHA-256 that was announced.",
      metadata: { key },
    }),
  ],
  BLOB_NOT_FOUND: [
    "not_found",
    (key: string) => ({ message: "No object is stored under this key.", metadata: { key } }),
  ],
  BLOB_RANGE_NOT_SATISFIABLE: [
    "invalid_argument",
    (key: string, sizeBytes: number) => ({
      message: `The range starts past the end of the object, which has ${sizeBytes} bytes.`,
      metadata: { key, size_bytes: String(sizeBytes) },
    }),
  ],
  BLOB_MULTIPART_NOT_FOUND: [
    "not_found",
    (key: string) => ({
      message: "This multipart upload does not exist, was aborted or is complete.",
      metadata: { key },
    }),
  ],
  BLOB_PART_INVALID: [
    "failed_precondition",
    (key: string, part: number) => ({
      message: `Part ${part} is not stored as listed, or the parts are not listed in order.`,
      metadata: { key, part: String(part) },
    }),
  ],
  /** Said to the older of two senders. */
  BLOB_PART_REPLACED: [
    "aborted",
    (part: number) => ({
      message: `Part ${part} is being sent anew, so this one was given up.`,
      metadata: { part: String(part) },
    }),
  ],
  BLOB_PART_TOO_SLOW: [
    "deadline_exceeded",
    (part: number) => ({
      message: `Part ${part} stood still for too long; send it again.`,
      metadata: { part: String(part) },
    }),
  ],
  BLOB_PARTS_TOO_MANY: [
    "unavailable",
    (limit: number) => ({
      message: `At most ${limit} parts of an upload are taken at the same time; send this one when another is through.`,
      metadata: { limit: String(limit) },
    }),
  ],
  BLOB_KEY_INVALID: [
    "invalid_argument",
    (key: string) => ({
      message: 'A key is 1 to 512 characters of [A-Za-z0-9._-] segments joined by "/", none of them "." or "..".',
      metadata: { key: key.slice(0, 512) },
    }),
  ],
  BLOB_WRITE_CONFLICT: [
    "aborted",
    (key: string, cause?: unknown) => ({
      message: "This key is being written by another at the same time; write again.",
      metadata: { key },
      cause,
    }),
  ],
  BLOB_STORE_UNAVAILABLE: ["unavailable", "The blob store cannot be reached or written."],
  /** Mended by whoever runs the platform; until then the work waits as it does for a store that is away. */
  BLOB_STORE_ACCESS_DENIED: ["unavailable", "The blob store refuses the credentials of this process."],
  BLOB_STORE_URL_UNSUPPORTED: [
    "invalid_argument",
    (scheme: string) => `A blob store is opened from a file:, memory: or s3: URL, not from "${scheme}".`,
  ],
  BLOB_STORE_URL_INVALID: [
    "invalid_argument",
    (what: string, cause?: unknown) => ({ message: `The URL of a blob store in S3 cannot be used: ${what}.`, cause }),
  ],
  BLOB_STORE_CANNOT_SIGN: [
    "failed_precondition",
    (name: string) => `This process holds no secret to sign URLs of the ${name} store with.`,
  ],
});
