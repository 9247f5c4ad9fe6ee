/** What can be wrong with a media file or with the tools that read it, each reason written once. */

import { AppError } from "#pkg/errors/errors";

export const MEDIA_TOOL_FAILED = "MEDIA_TOOL_FAILED";
export const MEDIA_OUTPUT_TOO_LARGE = "MEDIA_OUTPUT_TOO_LARGE";

export function mediaEmptyFile(): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_EMPTY_FILE",
    message: "The file is empty.",
  });
}

export function mediaNotRecognised(cause?: unknown): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_NOT_RECOGNISED",
    message:
      "The file is not a film in a format that Matinee reads (MP4, MOV, Matroska, WebM, MPEG, AVI, MXF and others).",
    cause,
  });
}

export function mediaTruncated(what: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_TRUNCATED",
    message: `The file is cut short: ${what}`,
  });
}

export function mediaNoVideo(): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_NO_VIDEO",
    message: "The file has no video that can be decoded.",
  });
}

export function mediaTooShort(frames: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_TOO_SHORT",
    message: `The video has ${frames === 1 ? "one frame" : `${frames} frames`}; a film has at least two.`,
    metadata: { frames: String(frames) },
  });
}

export function mediaTooLong(seconds: number, limitSeconds: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_TOO_LONG",
    message: `The film claims to last ${hours(seconds)}; the limit is ${hours(limitSeconds)}.`,
    metadata: { seconds: seconds.toFixed(0), limitSeconds: limitSeconds.toFixed(0) },
  });
}

/** `kind` completes "The file has 12 .. streams"; undefined for all of them together. */
export function mediaTooManyStreams(kind: string | undefined, found: number | undefined, limit: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_TOO_MANY_STREAMS",
    message: `The file has ${[found ?? "too many", kind, "streams"].filter(Boolean).join(" ")}; the limit is ${limit}.`,
    metadata: {
      limit: String(limit),
      ...(kind === undefined ? {} : { kind }),
      ...(found === undefined ? {} : { found: String(found) }),
    },
  });
}

export function mediaDescriptionTooLarge(limitBytes: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_DESCRIPTION_TOO_LARGE",
    message: `The file describes its streams, with titles and languages, in more than ${limitBytes} bytes.`,
    metadata: { limitBytes: String(limitBytes) },
  });
}

/** `what` names the claim and the content that does not carry it. */
export function mediaBeyondContent(what: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_BEYOND_CONTENT",
    message: `The file claims far more than it holds: ${what}`,
  });
}

export function mediaPictureTooLarge(width: number, height: number, limit: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_PICTURE_TOO_LARGE",
    message: `The picture is ${width} × ${height}; the limit is ${limit}.`,
    metadata: { width: String(width), height: String(height) },
  });
}

export function mediaPixelAspect(aspect: string, limit: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_PIXEL_ASPECT",
    message: `The picture's pixels have the shape ${aspect}; the limits are 1:${limit} and ${limit}:1.`,
    metadata: { aspect },
  });
}

export function mediaFrameCount(path: string, expected: number, found: number): AppError {
  return new AppError({
    kind: "internal",
    reason: "MEDIA_FRAME_COUNT",
    message: `An encoded file has ${found} frames instead of ${expected}.`,
    metadata: { file: path.slice(path.lastIndexOf("/") + 1), expected: String(expected), found: String(found) },
  });
}

export function mediaOutputDamaged(path: string, what: string): AppError {
  return new AppError({
    kind: "internal",
    reason: "MEDIA_OUTPUT_DAMAGED",
    message: `A file that was made is not whole: ${what}.`,
    metadata: { file: path.slice(path.lastIndexOf("/") + 1) },
  });
}

export function mediaTextInvalid(what: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "MEDIA_TEXT_INVALID",
    message: `The captions are not valid: ${what}`,
  });
}

/** `lastLines` is what the tool wrote last, for the person who has to find out why. */
export function mediaToolFailed(tool: string, exit: string, lastLines: string): AppError {
  return new AppError({
    kind: "internal",
    reason: MEDIA_TOOL_FAILED,
    message: `${tool} failed (${exit}).`,
    metadata: { tool, exit, log: lastLines },
  });
}

export function mediaToolTimeout(tool: string, timeoutMs: number, lastLines: string): AppError {
  return new AppError({
    kind: "deadline_exceeded",
    reason: "MEDIA_TOOL_TIMEOUT",
    message: `${tool} did not finish within ${Math.round(timeoutMs / 1000)} s.`,
    metadata: { tool, log: lastLines },
  });
}

export function mediaOutputTooLarge(tool: string, lastLines: string): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: MEDIA_OUTPUT_TOO_LARGE,
    message: `${tool} wrote more than it was allowed to.`,
    metadata: { tool, log: lastLines },
  });
}

export function mediaToolMissing(tool: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "MEDIA_TOOL_MISSING",
    message: `${tool} is not installed; on Debian: apt-get install ffmpeg.`,
    metadata: { tool },
  });
}

export function mediaToolLacks(tool: string, encoders: readonly string[]): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "MEDIA_TOOL_LACKS",
    message: `${tool} was built without ${encoders.join(", ")}; on Debian: apt-get install ffmpeg.`,
    metadata: { tool, encoders: encoders.join(",") },
  });
}

function hours(seconds: number): string {
  return seconds < 3600 ? `${seconds.toFixed(0)} s` : `${(seconds / 3600).toFixed(1)} h`;
}
