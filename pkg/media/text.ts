/** Turns caption tracks into WebVTT on the clock of the encoded film. */

import { readFile, rm, writeFile } from "node:fs/promises";
import { inputArgs, runTool, type ToolOptions } from "./ffmpeg.ts";
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

/** A film of a day in which somebody speaks all of the time stays below. */
const MAX_VTT_BYTES = 32 * 1024 * 1024;

/** The track as WebVTT, counted from the film's first frame and cut at its end. */
export async function extractText(job: TextJob, options: ToolOptions = {}): Promise<void> {
  const { info, stream } = job;
  const args = ["-v", "error", "-vn", "-an", "-dn", ...inputArgs(job.source), "-map", `0:${stream.index}`];
  await toVtt(args, job.output, options, info.startSeconds - info.video.startSeconds, info.video.durationSeconds);
}

async function toVtt(
  args: readonly string[],
  output: string,
  options: ToolOptions,
  shiftSeconds: number,
  endSeconds: number,
): Promise<void> {
  try {
    const vtt = ["-c:s", "webvtt", "-f", "webvtt", `file:${output}`];
    await runTool({ ...options, tool: "ffmpeg", args: [...args, ...vtt], maxOutputBytes: MAX_VTT_BYTES });
    const cues = shiftCues(parseVtt(await readFile(output, "utf8")), shiftSeconds, endSeconds);
    await writeFile(output, formatVtt(cues));
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  }
}
