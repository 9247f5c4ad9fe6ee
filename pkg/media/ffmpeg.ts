/**
 * Runs ffmpeg and ffprobe on files that nobody trusts: an argument array and never a shell, a protocol and a demuxer
 * allow-list, no right but to read its inputs and to write its outputs, limits on time, memory and output, and no
 * process that outlives this one. fluent-ffmpeg starts its tools with all of our rights and all of our environment, so it
 * has no place here.
 */

import { rm } from "node:fs/promises";
import { assertNever } from "#pkg/errors/errors";
import { outOfSpace } from "#pkg/errors/space";
import type { Logger } from "#pkg/obs/obs";
import { runConfined } from "#pkg/process/confined";
import { programEnvironment } from "#pkg/process/environment";
import { errors } from "./errors.ts";

export type Tool = "ffmpeg" | "ffprobe";

export interface ToolOptions {
  readonly signal?: AbortSignal;
  /** Gets each command, quoted, at debug level. */
  readonly log?: Logger;
  /** Wall time after which the tool is killed: 60 s for a probe, an hour for anything else by default. */
  readonly timeoutMs?: number;
  /** Limit of each file that the tool writes; 64 GiB by default. */
  readonly maxOutputBytes?: number;
  /** Limit of what it prints to stdout; 16 MiB by default. */
  readonly maxStdoutBytes?: number;
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
  /** Files are named as `file:` and their path; what follows `-i` is read, and every other one written. */
  readonly args: readonly string[];
  /** Folders of files that it reads because an input of the same folder names them. */
  readonly reads?: readonly string[];
  /** ffmpeg only; such a run must not write its output to stdout. */
  readonly onProgress?: (progress: Progress) => void;
  /** Gets every line of stdout; without it stdout is the result. */
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

const PROBE_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 3_600_000;
const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 ** 3;
/** Address space: 2160p with every reference frame stays far below, a decompression bomb does not. */
const MAX_MEMORY_BYTES: Readonly<Record<Tool, number>> = { ffmpeg: 12 * 1024 ** 3, ffprobe: 4 * 1024 ** 3 };
const MAX_OPEN_FILES = 1_024;
const MAX_STDOUT_BYTES = 16 * 1024 ** 2;

/** What FFmpeg prints where it could not write all of a file, whatever its exit code says then. */
const UNFINISHED = /^(?:Error (?:writing trailer|closing file|muxing)|av_interleaved_write_frame\(\))/m;
const NO_SPACE = /: (?:No space left on device|Disk quota exceeded)$/m;

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
  const { tool } = run;
  const timeoutMs = run.timeoutMs ?? (tool === "ffprobe" ? PROBE_TIMEOUT_MS : RUN_TIMEOUT_MS);
  const common = tool === "ffmpeg" ? ["-nostdin", "-hide_banner", "-y"] : ["-hide_banner"];
  const progress = run.onProgress === undefined ? [] : ["-progress", "pipe:1", "-stats_period", "0.5", "-nostats"];
  const onLine = run.onProgress === undefined ? run.onLine : progressParser(run.onProgress);
  const { reads, writes } = filesOf(run.args);
  const folders = run.reads ?? [];
  const ended = await runConfined({
    program: tool,
    args: (inside) => [...common, ...progress, ...run.args.map((arg) => toInside(arg, inside))],
    reads: [...folders, ...reads.filter((path) => !folders.some((folder) => path.startsWith(`${folder}/`)))],
    writes,
    env: programEnvironment(),
    limits: {
      timeMs: timeoutMs,
      stdoutBytes: run.maxStdoutBytes ?? (onLine === undefined ? MAX_STDOUT_BYTES : Number.POSITIVE_INFINITY),
      memoryBytes: MAX_MEMORY_BYTES[tool],
      fileBytes: run.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
      openFiles: MAX_OPEN_FILES,
    },
    ...(run.signal && { signal: run.signal }),
    ...(run.log && { log: run.log }),
    ...(onLine && { onLine }),
  });
  const { tail } = ended;
  if (ended.how !== "late" && writes.length > 0 && NO_SPACE.test(tail)) {
    throw outOfSpace("the scratch folder of the media tools", errors.MEDIA_TOOL_FAILED(tool, ended.exit, tail));
  }
  switch (ended.how) {
    case "done":
      if (UNFINISHED.test(tail)) {
        for (const path of writes) await rm(path, { force: true });
        throw errors.MEDIA_TOOL_FAILED(tool, "it could not finish its output", tail);
      }
      return { stdout: ended.stdout, log: tail };
    case "late":
      throw errors.MEDIA_TOOL_TIMEOUT(tool, timeoutMs, tail);
    case "too much":
      throw errors.MEDIA_OUTPUT_TOO_LARGE(tool, tail);
    case "missing":
      throw errors.MEDIA_TOOL_MISSING(tool);
    case "failed":
      throw errors.MEDIA_TOOL_FAILED(tool, ended.exit, tail);
    default:
      return assertNever(ended.how);
  }
}

const FILE = "file:";

function filesOf(args: readonly string[]): { readonly reads: readonly string[]; readonly writes: readonly string[] } {
  const isInput = (i: number) => args[i - 1] === "-i";
  const paths = (wanted: (i: number) => boolean) =>
    args.flatMap((arg, i) => (arg.startsWith(FILE) && wanted(i) ? [arg.slice(FILE.length)] : []));
  return { reads: paths(isInput), writes: paths((i) => !isInput(i)) };
}

function toInside(arg: string, inside: (path: string) => string): string {
  return arg.startsWith(FILE) ? `${FILE}${inside(arg.slice(FILE.length))}` : arg;
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
