/**
 * Runs ffmpeg and ffprobe on files that nobody trusts: an argument array and never a shell, a protocol and a demuxer
 * allow-list, limits on time, memory and output, and no process that outlives this one.
 */

import { assertNever } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import { programEnvironment } from "#pkg/process/environment";
import { runProgram } from "#pkg/process/run";
import { mediaOutputTooLarge, mediaToolFailed, mediaToolMissing, mediaToolTimeout } from "./errors.ts";

export type Tool = "ffmpeg" | "ffprobe";

export interface ToolOptions {
  readonly signal?: AbortSignal;
  /** Gets each command, quoted, at debug level. */
  readonly log?: Logger;
  /** Wall time after which the tool is killed: 60 s for a probe, an hour for anything else by default. */
  readonly timeoutMs?: number;
  /** Limit of each file that the tool writes; 64 GiB by default. */
  readonly maxOutputBytes?: number;
}

/** How far ffmpeg is in its first output. */
export interface Progress {
  readonly frame: number;
  readonly outTimeMs: number;
  /** Multiples of real time; undefined before ffmpeg knows. */
  readonly speed: number | undefined;
}

export interface ToolRun extends ToolOptions {
  readonly tool: Tool;
  readonly args: readonly string[];
  /** ffmpeg only; such a run must not write its output to stdout. */
  readonly onProgress?: (progress: Progress) => void;
  /** Gets every line of stdout; without it stdout is the result, up to 16 MiB. */
  readonly onLine?: (line: string) => void;
}

export interface ToolResult {
  readonly stdout: string;
  /** The last lines of stderr. */
  readonly log: string;
}

/**
 * The demuxers that read film files, by FFmpeg's names. Absent, and so refused: everything that opens other files or
 * addresses which the file names (hls, dash, concat, image2, lavfi, sdp, …), and everything that is text. A protocol
 * allow-list alone would still let a playlist named .mp4 read local files.
 */
export const DEMUXERS = [
  "mov",
  "mp4",
  "m4a",
  "3gp",
  "3g2",
  "mj2",
  "matroska",
  "webm",
  "mpegts",
  "mpeg",
  "avi",
  "flv",
  "mxf",
  "asf",
  "ogg",
  "gxf",
  "dv",
  "ivf",
  "nut",
  "wav",
  "w64",
  "mp3",
  "aac",
  "flac",
] as const;

/** Demuxers of caption files, allowed only where captions are expected. */
export const TEXT_DEMUXERS = ["srt", "webvtt"] as const;

const PROBE_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 3_600_000;
const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 ** 3;
/** Address space: 2160p with every reference frame stays far below, a decompression bomb does not. */
const MAX_MEMORY_BYTES = 12 * 1024 ** 3;
const MAX_STDOUT_BYTES = 16 * 1024 ** 2;

/** The options before an input, and the input itself: only this file, only by these demuxers. */
export function inputArgs(path: string, demuxers: readonly string[] = DEMUXERS): string[] {
  // "file:" keeps a name that looks like an option or an address from being one.
  return ["-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers.join(","), "-i", `file:${path}`];
}

/**
 * Runs the tool to its end. Throws `MEDIA_TOOL_FAILED` with its last lines, `MEDIA_TOOL_TIMEOUT`,
 * `MEDIA_OUTPUT_TOO_LARGE`, `MEDIA_TOOL_MISSING`, and the signal's reason where it is aborted.
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  const timeoutMs = run.timeoutMs ?? (run.tool === "ffprobe" ? PROBE_TIMEOUT_MS : RUN_TIMEOUT_MS);
  const common = run.tool === "ffmpeg" ? ["-nostdin", "-hide_banner", "-y"] : ["-hide_banner"];
  const progress = run.onProgress === undefined ? [] : ["-progress", "pipe:1", "-stats_period", "0.5", "-nostats"];
  const onLine = run.onProgress === undefined ? run.onLine : progressParser(run.onProgress);
  const ended = await runProgram({
    argv: [run.tool, ...common, ...progress, ...run.args],
    env: programEnvironment(),
    limits: {
      timeMs: timeoutMs,
      stdoutBytes: onLine === undefined ? MAX_STDOUT_BYTES : Number.POSITIVE_INFINITY,
      memoryBytes: MAX_MEMORY_BYTES,
      fileBytes: run.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
    },
    ...(run.signal && { signal: run.signal }),
    ...(run.log && { log: run.log }),
    ...(onLine && { onLine }),
  });
  switch (ended.how) {
    case "done":
      return { stdout: ended.stdout, log: ended.tail };
    case "late":
      throw mediaToolTimeout(run.tool, timeoutMs, ended.tail);
    case "too much":
      throw mediaOutputTooLarge(run.tool, ended.tail);
    case "missing":
      throw mediaToolMissing(run.tool);
    case "failed":
      throw mediaToolFailed(run.tool, ended.exit, ended.tail);
    default:
      return assertNever(ended.how);
  }
}

/** The versions of the installed tools. Throws `MEDIA_TOOL_MISSING`. */
export async function checkTools(): Promise<Readonly<Record<Tool, string>>> {
  const version = async (tool: Tool) => {
    const { stdout } = await runTool({ tool, args: ["-version"], timeoutMs: 10_000 });
    return /version (\S+)/.exec(stdout)?.[1] ?? "unknown";
  };
  return { ffmpeg: await version("ffmpeg"), ffprobe: await version("ffprobe") };
}

/** Parses ffmpeg's blocks of `key=value` lines, each ended by `progress=continue` or `progress=end`. */
export function progressParser(onProgress: (progress: Progress) => void): (line: string) => void {
  let frame = 0;
  let outTimeMs = 0;
  let speed: number | undefined;
  return (line) => {
    const at = line.indexOf("=");
    const value = line.slice(at + 1).trim();
    switch (line.slice(0, at)) {
      case "frame":
        frame = Number(value) || 0;
        break;
      case "out_time_us":
        outTimeMs = Math.max(0, Math.round(Number(value) / 1000) || 0);
        break;
      case "speed":
        speed = Number.parseFloat(value) || undefined;
        break;
      case "progress":
        onProgress({ frame, outTimeMs, speed });
        break;
      default:
    }
  };
}
