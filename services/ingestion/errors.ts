/** Ingestion's refusals, each reason written once. */

import { AppError } from "#pkg/errors/errors";
import { formatBytes, type Holding, type Limit } from "./domain/quota.ts";
import { formatRanges } from "./domain/upload.ts";

export function assetNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "ASSET_NOT_FOUND", message: "There is no such asset." });
}

export function uploadNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "UPLOAD_NOT_FOUND", message: "There is no such upload." });
}

/** Parts are welcome only while an upload is active. */
export function uploadNotActive(state: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "UPLOAD_NOT_ACTIVE",
    message: `This upload takes no more changes: it is ${state}.`,
    metadata: { state },
  });
}

export function uploadPartInvalid(number: number, partCount: number): AppError {
  const description = `there is no part ${number}; this upload has ${partCount}`;
  return new AppError({
    kind: "invalid_argument",
    reason: "UPLOAD_PART_INVALID",
    message: `parts: ${description}`,
    metadata: { part: String(number), part_count: String(partCount) },
    fields: [{ field: "parts", description }],
  });
}

export function uploadPartsMissing(numbers: readonly number[]): AppError {
  const ranges = formatRanges(numbers);
  return new AppError({
    kind: "failed_precondition",
    reason: "UPLOAD_PARTS_MISSING",
    message: `${numbers.length === 1 ? "Part" : "Parts"} ${ranges} must be stored first.`,
    metadata: { parts: ranges.replaceAll(" ", ""), count: String(numbers.length) },
  });
}

/** The upload was completed before, and for other bytes. */
export function uploadCompletedOtherwise(): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "UPLOAD_COMPLETED_OTHERWISE",
    message: "This upload was completed with another SHA-256.",
  });
}

/** `held` counts the upload that was asked for. */
export function uploadQuotaExceeded(limit: Limit, held: Holding, quota: Holding): AppError {
  const allowed = quota[limit];
  const wanted = held[limit];
  const message = {
    openUploads: `This account may have ${allowed} unfinished uploads and has them; finish or abort one first.`,
    openBytes: `The unfinished uploads of this account may have ${formatBytes(allowed)} together; with this one they would have ${formatBytes(wanted)}. Finish or abort one first.`,
    storedBytes: `The films of this account may have ${formatBytes(allowed)} together; with this one they would have ${formatBytes(wanted)}. Delete one first.`,
  }[limit];
  return new AppError({
    kind: "resource_exhausted",
    reason: "UPLOAD_QUOTA_EXCEEDED",
    message,
    metadata: { limit: LIMIT_NAMES[limit], allowed: String(allowed), wanted: String(wanted) },
  });
}

const LIMIT_NAMES: Readonly<Record<Limit, string>> = {
  openUploads: "open_uploads",
  openBytes: "open_bytes",
  storedBytes: "stored_bytes",
};

export function uploadRequestReused(): AppError {
  return new AppError({
    kind: "already_exists",
    reason: "UPLOAD_REQUEST_REUSED",
    message: "This request_id already made an upload of another file; a new upload needs a new one.",
    fields: [{ field: "request_id", description: "was used for another file" }],
  });
}

/** A verdict on the file: what arrived is not what the client read. */
export function uploadChecksumMismatch(expected: string, actual: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "UPLOAD_CHECKSUM_MISMATCH",
    message: "The file that arrived is not the file that was sent: its SHA-256 differs. Upload it again.",
    metadata: { expected, actual },
  });
}

/** A verdict on the upload: parts that were stored when it was completed are not there any more. */
export function uploadPartsLost(numbers: readonly number[]): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "UPLOAD_PARTS_LOST",
    message: `Parts were put again while the upload was being completed, and are not whole: ${formatRanges(numbers)}. Upload the file again.`,
    metadata: { count: String(numbers.length) },
  });
}

/** A verdict on the file: nothing that was tried could tell what it is. */
export function inspectionFailed(attempts: number, cause: unknown): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "INSPECTION_FAILED",
    message: `The file could not be inspected; it was tried ${attempts} times.`,
    cause,
  });
}
