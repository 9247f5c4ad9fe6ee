/** Turns caption tracks and caption files into WebVTT on the clock of the encoded film. */

import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";
import { inputArgs, runTool, TEXT_DEMUXERS, type ToolOptions } from "./ffmpeg.ts";
import type { MediaInfo, TextStream } from "./probe.ts";
import { formatVtt, parseVtt, shiftCues } from "./vtt.ts";

export interface TextJob {
  readonly source: string;
  readonly info: MediaInfo;
  /** One whose `isText` is true. */
  readonly stream: TextStream;
  /** A .vtt file. */
  readonly output: string;
}

const MAX_SIDECAR_BYTES = 16 * 1024 * 1024;
/** A film of a day in which somebody speaks all of the time stays below. */
const MAX_VTT_BYTES = 32 * 1024 * 1024;

/** The track as WebVTT, counted from the film's first frame and cut at its end. */
export async function extractText(job: TextJob, options: ToolOptions = {}): Promise<void> {
  const { info, stream } = job;
  const args = ["-v", "error", "-vn", "-an", "-dn", ...inputArgs(job.source), "-map", `0:${stream.index}`];
  await toVtt(args, job.output, options, info.startSeconds - info.video.startSeconds, info.video.durationSeconds);
}

/** A .srt or .vtt file that came beside the film. Throws `MEDIA_TEXT_INVALID` where it is neither. */
export async function convertSidecarText(
  job: { readonly source: string; readonly output: string },
  options: ToolOptions = {},
): Promise<void> {
  const { size } = await stat(job.source);
  if (size > MAX_SIDECAR_BYTES) throw errors.MEDIA_TEXT_INVALID(`the file is larger than ${MAX_SIDECAR_BYTES} bytes.`);
  const bytes = await readFile(job.source);
  const text = bytes.toString("utf8");
  if (/^\uFEFF?WEBVTT/.test(text)) {
    await writeFile(job.output, formatVtt(parseVtt(text)));
    return;
  }
  // Files that are not UTF-8 are nearly always Windows-1252.
  const isUtf8 = !text.includes("\uFFFD");
  const encoding = isUtf8 ? [] : ["-sub_charenc", "WINDOWS-1252"];
  const args = ["-v", "error", ...encoding, "-f", "srt", ...inputArgs(job.source, TEXT_DEMUXERS), "-map", "0:s:0"];
  try {
    const cues = await toVtt(args, job.output, options, 0, Number.POSITIVE_INFINITY);
    if (cues > 0) return;
    await rm(job.output, { force: true });
  } catch (error) {
    if (!isAppError(error, "MEDIA_TOOL_FAILED")) throw error;
  }
  throw errors.MEDIA_TEXT_INVALID("the file is neither SubRip nor WebVTT.");
}

/** Answers the number of cues. */
async function toVtt(
  args: readonly string[],
  output: string,
  options: ToolOptions,
  shiftSeconds: number,
  endSeconds: number,
): Promise<number> {
  try {
    const vtt = ["-c:s", "webvtt", "-f", "webvtt", `file:${output}`];
    await runTool({ ...options, tool: "ffmpeg", args: [...args, ...vtt], maxOutputBytes: MAX_VTT_BYTES });
    const cues = shiftCues(parseVtt(await readFile(output, "utf8")), shiftSeconds, endSeconds);
    await writeFile(output, formatVtt(cues));
    return cues.length;
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  }
}
