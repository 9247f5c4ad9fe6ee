/** A file on its way in, and the parts that it comes in. */

export type UploadState = "active" | "completing" | "completed" | "aborted" | "expired";

export interface Upload {
  readonly id: string;
  readonly assetId: string;
  readonly ownerId: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
  readonly partCount: number;
  /** The blob store's own name for it; undefined until the store has begun one. */
  readonly multipartId: string | undefined;
  readonly state: UploadState;
  /** What the client says that the whole file hashes to; undefined before it says so. */
  readonly sha256: string | undefined;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

/** What object stores take: parts of one upload, and the step that part sizes grow by. */
const MAX_PARTS = 10_000;
const MIB = 1024 * 1024;

/** Parts of the preferred size, or of the next whole MiB that keeps them to 10,000. */
export function planParts(
  sizeBytes: number,
  preferredPartSizeBytes: number,
): { readonly partSizeBytes: number; readonly partCount: number } {
  const least = Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
  const partSizeBytes = Math.max(preferredPartSizeBytes, least);
  return { partSizeBytes, partCount: Math.ceil(sizeBytes / partSizeBytes) };
}

/** How long part `number` (from 1) must be. */
export function partSizeOf(upload: Pick<Upload, "sizeBytes" | "partSizeBytes" | "partCount">, number: number): number {
  return number < upload.partCount
    ? upload.partSizeBytes
    : upload.sizeBytes - (upload.partCount - 1) * upload.partSizeBytes;
}

/** Numbers of the parts that are not stored, or not in their full length. */
export function missingParts(
  upload: Pick<Upload, "sizeBytes" | "partSizeBytes" | "partCount">,
  stored: readonly { readonly number: number; readonly sizeBytes: number }[],
): number[] {
  const whole = new Set(
    stored.filter((part) => part.sizeBytes === partSizeOf(upload, part.number)).map((p) => p.number),
  );
  const missing: number[] = [];
  for (let number = 1; number <= upload.partCount; number++) if (!whole.has(number)) missing.push(number);
  return missing;
}

/** Sorted numbers as ranges that a person reads, "1-3, 7"; after `limit` ranges it ends in "...". */
export function formatRanges(numbers: readonly number[], limit = 20): string {
  const ranges: { from: number; to: number }[] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last.to + 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  const shown = ranges.slice(0, limit).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return ranges.length > limit ? `${shown.join(", ")}, ...` : shown.join(", ");
}
