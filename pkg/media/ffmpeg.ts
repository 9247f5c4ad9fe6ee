/**
 * Runs ffmpeg and ffprobe on files that nobody trusts: an argument array and never a shell, a protocol and a demuxer
 * allow-list, limits on time, memory and output, and no process that outlives this one.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Logger } from "#pkg/obs/obs";
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
const MAX_LOG_LINES = 20;
const MAX_LOG_LINE_CHARS = 400;

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
  run.signal?.throwIfAborted();
  const timeoutMs = run.timeoutMs ?? (run.tool === "ffprobe" ? PROBE_TIMEOUT_MS : RUN_TIMEOUT_MS);
  const common = run.tool === "ffmpeg" ? ["-nostdin", "-hide_banner", "-y"] : ["-hide_banner"];
  const progress = run.onProgress === undefined ? [] : ["-progress", "pipe:1", "-stats_period", "0.5", "-nostats"];
  const argv = [run.tool, ...common, ...progress, ...run.args];
  const [command = run.tool, ...args] = [...(await guards(run.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES)), ...argv];
  run.log?.debug({ command: argv.map(quote).join(" ") }, "running a media tool");

  // A process group of its own, so that all of it can be killed at once.
  const child = spawn(command, args, { detached: true, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let ending: "timeout" | "aborted" | "stdout" | undefined;
  const kill = (why: "timeout" | "aborted" | "stdout") => {
    ending ??= why;
    killGroup(child);
  };
  const onAbort = () => kill("aborted");
  run.signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => kill("timeout"), timeoutMs);
  const log = collectLog(child);
  const stdout = collectStdout(child, run, () => kill("stdout"));
  try {
    const exit = await new Promise<string>((resolve, reject) => {
      child.once("error", (error) => reject(mediaToolMissing(run.tool, error)));
      child.once("close", (code, signal) => resolve(code === null ? `signal ${signal}` : `exit code ${code}`));
    });
    const lastLines = log.join("\n");
    if (ending === "aborted") run.signal?.throwIfAborted();
    if (ending === "timeout") throw mediaToolTimeout(run.tool, timeoutMs, lastLines);
    // A file beyond its limit ends in SIGXFSZ, or in EFBIG for a tool that ignores the signal.
    if (ending === "stdout" || exit === "signal SIGXFSZ" || /File too large/.test(lastLines)) {
      throw mediaOutputTooLarge(run.tool, lastLines);
    }
    if (exit === "exit code 127") throw mediaToolMissing(run.tool, new Error(lastLines));
    if (exit !== "exit code 0") throw mediaToolFailed(run.tool, exit, lastLines);
    return { stdout: stdout.text(), log: lastLines };
  } finally {
    clearTimeout(timer);
    run.signal?.removeEventListener("abort", onAbort);
    killGroup(child);
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

/** What finds the tool and its libraries, and none of the settings: secrets of this process must not reach hostile files. */
const PASSED_ON = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG"];

function environment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

let knownGuards: Promise<{ readonly prlimit: boolean; readonly setpriv: boolean }> | undefined;

/** What stands before the tool on the command line, as far as this machine has it (util-linux has both). */
async function guards(maxOutputBytes: number): Promise<string[]> {
  knownGuards ??= Promise.all([isExecutable("prlimit"), isExecutable("setpriv")]).then(([prlimit, setpriv]) => ({
    prlimit,
    setpriv,
  }));
  const { prlimit, setpriv } = await knownGuards;
  return [
    ...(prlimit ? ["prlimit", `--fsize=${maxOutputBytes}`, `--as=${MAX_MEMORY_BYTES}`, "--core=0"] : []),
    // The tool dies with this process, however that ends.
    ...(setpriv ? ["setpriv", "--pdeathsig", "KILL"] : []),
  ];
}

async function isExecutable(name: string): Promise<boolean> {
  for (const folder of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      await access(`${folder}/${name}`, constants.X_OK);
      return true;
    } catch {
      // Not in this folder.
    }
  }
  return false;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group is gone already.
  }
}

function collectLog(child: ChildProcess): string[] {
  const lines: string[] = [];
  if (child.stderr === null) return lines;
  let rest = "";
  child.stderr.setEncoding("utf8");
  const push = (line: string) => {
    const trimmed = line.trimEnd();
    if (trimmed === "") return;
    lines.push(trimmed.slice(0, MAX_LOG_LINE_CHARS));
    if (lines.length > MAX_LOG_LINES) lines.shift();
  };
  child.stderr.on("data", (text: string) => {
    const parts = (rest + text).split(/[\r\n]/);
    rest = (parts.pop() ?? "").slice(0, MAX_LOG_LINE_CHARS);
    for (const part of parts) push(part);
  });
  child.stderr.on("end", () => push(rest));
  return lines;
}

function collectStdout(child: ChildProcess, run: ToolRun, onTooMuch: () => void): { text: () => string } {
  const stdout = child.stdout;
  if (stdout === null) return { text: () => "" };
  const { onProgress, onLine } = run;
  if (onProgress !== undefined || onLine !== undefined) {
    const take = onProgress === undefined ? onLine : progressParser(onProgress);
    createInterface({ input: stdout }).on("line", (line) => take?.(line));
    return { text: () => "" };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_STDOUT_BYTES) onTooMuch();
    else chunks.push(chunk);
  });
  return { text: () => Buffer.concat(chunks).toString("utf8") };
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

/** The argument as a person may paste it into a shell. */
function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
