/** What can be wrong with a media file or with the tools that read it, each reason written once. */

import { AppError } from "#pkg/errors/errors";

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

export function mediaFrameCount(path: string, expected: number, found: number): AppError {
  return new AppError({
    kind: "internal",
    reason: "MEDIA_FRAME_COUNT",
    message: `An encoded file has ${found} frames instead of ${expected}.`,
    metadata: { file: path.slice(path.lastIndexOf("/") + 1), expected: String(expected), found: String(found) },
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
    reason: "MEDIA_TOOL_FAILED",
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
    reason: "MEDIA_OUTPUT_TOO_LARGE",
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
