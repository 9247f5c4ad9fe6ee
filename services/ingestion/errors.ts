/** Ingestion's refusals, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";
import { formatBytes, type Holding, type Limit } from "./domain/quota.ts";
import { formatRanges } from "./domain/upload.ts";

const LIMIT_NAMES: Readonly<Record<Limit, string>> = {
  openUploads: "open_uploads",
  openBytes: "open_bytes",
  storedBytes: "stored_bytes",
};

export const errors = defineErrors({
  ASSET_NOT_FOUND: ["not_found", "There is no such asset."],
  ASSET_CHANGED: ["aborted", "The film was changed by someone else meanwhile; load it again and repeat your change."],
  /** As far as it is known here; `titles` are the first of them. */
  ASSET_IN_CATALOGUE: [
    "failed_precondition",
    (titles: readonly { readonly id: string; readonly displayTitle: string }[]) => ({
      message: `This film is in the catalogue as ${titles.map(({ displayTitle }) => `“${displayTitle}”`).join(", ")}. Unpublish that first, or have it deleted all the same.`,
      metadata: { titles: titles.map(({ id }) => `titles/${id}`).join(",") },
      fields: [{ field: "is_forced", description: "must be said where published titles play it" }],
    }),
  ],
  UPLOAD_NOT_FOUND: ["not_found", "There is no such upload."],
  /** Parts are welcome only while an upload is active. */
  UPLOAD_NOT_ACTIVE: [
    "failed_precondition",
    (state: string) => ({ message: `This upload takes no more changes: it is ${state}.`, metadata: { state } }),
  ],
  UPLOAD_PART_INVALID: [
    "invalid_argument",
    (number: number, partCount: number) => {
      const description = `there is no part ${number}; this upload has ${partCount}`;
      return {
        message: `parts: ${description}`,
        metadata: { part: String(number), part_count: String(partCount) },
        fields: [{ field: "parts", description }],
      };
    },
  ],
  UPLOAD_PARTS_MISSING: [
    "failed_precondition",
    (numbers: readonly number[]) => {
      const ranges = formatRanges(numbers);
      return {
        message: `${numbers.length === 1 ? "Part" : "Parts"} ${ranges} must be stored first.`,
        metadata: { parts: ranges.replaceAll(" ", ""), count: String(numbers.length) },
      };
    },
  ],
  /** The upload was completed before, and for other bytes. */
  UPLOAD_COMPLETED_OTHERWISE: ["failed_precondition", "This upload was completed with another SHA-256."],
  /** `held` counts the upload that was asked for. */
  UPLOAD_QUOTA_EXCEEDED: [
    "resource_exhausted",
    (limit: Limit, held: Holding, quota: Holding) => {
      const allowed = quota[limit];
      const wanted = held[limit];
      const message = {
        openUploads: `This account may have ${allowed} unfinished uploads and has them; finish or abort one first.`,
        openBytes: `The unfinished uploads of this account may have ${formatBytes(allowed)} together; with this one they would have ${formatBytes(wanted)}. Finish or abort one first.`,
        storedBytes: `The films of this account may have ${formatBytes(allowed)} together; with this one they would have ${formatBytes(wanted)}. Delete one first.`,
      }[limit];
      return { message, metadata: { limit: LIMIT_NAMES[limit], allowed: String(allowed), wanted: String(wanted) } };
    },
  ],
  UPLOAD_REQUEST_REUSED: [
    "already_exists",
    () => ({
      message: "This request_id already made an upload of another file; a new upload needs a new one.",
      fields: [{ field: "request_id", description: "was used for another file" }],
    }),
  ],
  /** A verdict on the file: what arrived is not what the client read. */
  UPLOAD_CHECKSUM_MISMATCH: [
    "invalid_argument",
    (expected: string, actual: string) => ({
      message: "The file that arrived is not the file that was sent: its SHA-256 differs. Upload it again.",
      metadata: { expected, actual },
    }),
  ],
  /** A verdict on the upload: parts that were stored when it was completed are not there any more. */
  UPLOAD_PARTS_LOST: [
    "invalid_argument",
    (numbers: readonly number[]) => ({
      message: `Parts were put again while the upload was being completed, and are not whole: ${formatRanges(numbers)}. Upload the file again.`,
      metadata: { count: String(numbers.length) },
    }),
  ],
  /** A verdict on the file: nothing that was tried could tell what it is. */
  INSPECTION_FAILED: [
    "invalid_argument",
    (attempts: number, cause: unknown) => ({
      message: `The file could not be inspected; it was tried ${attempts} times.`,
      cause,
    }),
  ],
});
