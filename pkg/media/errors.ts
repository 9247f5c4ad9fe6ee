/** What can be wrong with a media file or with the tools that read it, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";

function hours(seconds: number): string {
  return seconds < 3600 ? `${seconds.toFixed(0)} s` : `${(seconds / 3600).toFixed(1)} h`;
}

export const errors = defineErrors({
  MEDIA_EMPTY_FILE: ["invalid_argument", "The file is empty."],
  MEDIA_NOT_RECOGNISED: [
    "invalid_argument",
    "The file is not a film in a format that Matinee reads (MP4, MOV, Matroska, WebM, MPEG, AVI, MXF and others).",
  ],
  MEDIA_TRUNCATED: ["invalid_argument", (what: string) => `The file is cut short: ${what}`],
  MEDIA_NO_VIDEO: ["invalid_argument", "The file has no video that can be decoded."],
  MEDIA_TOO_SHORT: [
    "invalid_argument",
    (frames: number) => ({
      message: `The video has ${frames === 1 ? "one frame" : `${frames} frames`}; a film has at least two.`,
      metadata: { frames: String(frames) },
    }),
  ],
  MEDIA_TOO_LONG: [
    "invalid_argument",
    (seconds: number, limitSeconds: number) => ({
      message: `The film claims to last ${hours(seconds)}; the limit is ${hours(limitSeconds)}.`,
      metadata: { seconds: seconds.toFixed(0), limitSeconds: limitSeconds.toFixed(0) },
    }),
  ],
  /** `kind` completes "The file has 12 .. streams"; undefined for all of them together. */
  MEDIA_TOO_MANY_STREAMS: [
    "invalid_argument",
    (kind: string | undefined, found: number | undefined, limit: number) => ({
      message: `The file has ${[found ?? "too many", kind, "streams"].filter(Boolean).join(" ")}; the limit is ${limit}.`,
      metadata: {
        limit: String(limit),
        ...(kind === undefined ? {} : { kind }),
        ...(found === undefined ? {} : { found: String(found) }),
      },
    }),
  ],
  MEDIA_DESCRIPTION_TOO_LARGE: [
    "invalid_argument",
    (limitBytes: number) => ({
      message: `The file describes its streams, with titles and languages, in more than ${limitBytes} bytes.`,
      metadata: { limitBytes: String(limitBytes) },
    }),
  ],
  /** `what` names the claim and the content that does not carry it. */
  MEDIA_BEYOND_CONTENT: ["invalid_argument", (what: string) => `The file claims far more than it holds: ${what}`],
  MEDIA_PICTURE_TOO_LARGE: [
    "invalid_argument",
    (width: number, height: number, limit: string) => ({
      message: `The picture is ${width} × ${height}; the limit is ${limit}.`,
      metadata: { width: String(width), height: String(height) },
    }),
  ],
  MEDIA_PIXEL_ASPECT: [
    "invalid_argument",
    (aspect: string, limit: number) => ({
      message: `The picture's pixels have the shape ${aspect}; the limits are 1:${limit} and ${limit}:1.`,
      metadata: { aspect },
    }),
  ],
  MEDIA_FRAME_COUNT: [
    "internal",
    (path: string, expected: number, found: number) => ({
      message: `An encoded file has ${found} frames instead of ${expected}.`,
      metadata: { file: path.slice(path.lastIndexOf("/") + 1), expected: String(expected), found: String(found) },
    }),
  ],
  MEDIA_OUTPUT_DAMAGED: [
    "internal",
    (path: string, what: string) => ({
      message: `A file that was made is not whole: ${what}.`,
      metadata: { file: path.slice(path.lastIndexOf("/") + 1) },
    }),
  ],
  MEDIA_TEXT_INVALID: ["invalid_argument", (what: string) => `The captions are not valid: ${what}`],
  /** `lastLines` is what the tool wrote last, for the person who has to find out why. */
  MEDIA_TOOL_FAILED: [
    "internal",
    (tool: string, exit: string, lastLines: string) => ({
      message: `${tool} failed (${exit}).`,
      metadata: { tool, exit, log: lastLines },
    }),
  ],
  MEDIA_OUTPUT_TOO_LARGE: [
    "resource_exhausted",
    (tool: string, lastLines: string) => ({
      message: `${tool} wrote more than it was allowed to.`,
      metadata: { tool, log: lastLines },
    }),
  ],
  MEDIA_TOOL_TIMEOUT: [
    "deadline_exceeded",
    (tool: string, timeoutMs: number, lastLines: string) => ({
      message: `${tool} did not finish within ${Math.round(timeoutMs / 1000)} s.`,
      metadata: { tool, log: lastLines },
    }),
  ],
  MEDIA_TOOL_MISSING: [
    "failed_precondition",
    (tool: string) => ({ message: `${tool} is not installed; on Debian: apt-get install ffmpeg.`, metadata: { tool } }),
  ],
  MEDIA_TOOL_LACKS: [
    "failed_precondition",
    (tool: string, encoders: readonly string[]) => ({
      message: `${tool} was built without ${encoders.join(", ")}; on Debian: apt-get install ffmpeg.`,
      metadata: { tool, encoders: encoders.join(",") },
    }),
  ],
});
