/**
 * Runs a program to its end under guards: no shell, only the environment that it is given, limits on time, memory, output,
 * processor and files, the whole group killed at the end, and nothing of it left when this process dies.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Logger } from "#pkg/obs/obs";
import { findProgram } from "./find.ts";

export interface Limits {
  /** Wall time after which it is killed. */
  readonly timeMs: number;
  /** What it may print to stdout. */
  readonly stdoutBytes: number;
  /** Address space. */
  readonly memoryBytes?: number;
  /** Each file that it writes. */
  readonly fileBytes?: number;
  /** Processor time of all of its threads together. */
  readonly cpuSeconds?: number;
  readonly openFiles?: number;
}

export interface ProgramRun {
  /** The program, by name or path, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** All that it sees; `PATH` is where it is looked for. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Open files that it gets as 3 and on. */
  readonly files?: readonly number[];
  readonly limits: Limits;
  /** It keeps our user, but no capability, and never gets more rights than it begins with. */
  readonly withoutPrivileges?: boolean;
  readonly signal?: AbortSignal;
  /** Gets the command, quoted, at debug level. */
  readonly log?: Logger;
  /** Gets every line of stdout, which is not kept then. */
  readonly onLine?: (line: string) => void;
}

export interface ProgramEnd {
  /**
   * `done`: exit code 0. `late`: killed at its time limit. `too much`: it wrote more than it may, to stdout or a file.
   * `missing`: there is no such program.
   */
  readonly how: "done" | "failed" | "late" | "too much" | "missing";
  /** `exit code 1`, `signal SIGKILL`; for the log. */
  readonly exit: string;
  readonly stdout: string;
  /** The last lines of stderr. */
  readonly tail: string;
}

const MAX_TAIL_LINES = 20;
const MAX_TAIL_LINE_CHARS = 400;
/**
 * A file beyond its limit ends in SIGXFSZ, which a program in between reports as a shell would, or in EFBIG for a program
 * that ignores the signal.
 */
const TOO_LARGE = new Set(["signal SIGXFSZ", `exit code ${128 + constants.signals.SIGXFSZ}`]);
/** A line beyond it is no line. */
const MAX_LINE_CHARS = 65_536;

/** Throws the signal's reason where it is aborted, and what `onLine` threw; every other end is an answer. */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  run.signal?.throwIfAborted();
  const [name, ...args] = run.argv;
  const program = await findProgram(name, run.env.PATH);
  if (program === undefined) return { how: "missing", exit: `${name} was not found`, stdout: "", tail: "" };
  run.log?.debug({ command: run.argv.map(quote).join(" ") }, "running a program");
  const [command = program, ...rest] = [...(await guards(run)), program, ...args];
  run.signal?.throwIfAborted();
  // A process group of its own, so that all of it can be killed at once.
  const child = spawn(command, rest, {
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    detached: true,
    env: run.env,
    stdio: ["ignore", "pipe", "pipe", ...(run.files ?? [])],
  });
  let stopped: "late" | "too much" | undefined;
  const stop = (why: "late" | "too much") => {
    stopped ??= why;
    killGroup(child);
  };
  // What a taker of lines throws must end this run, never the process.
  let thrown: { readonly error: unknown } | undefined;
  const take = (line: string) => {
    if (thrown !== undefined) return;
    try {
      run.onLine?.(line);
    } catch (error) {
      thrown = { error };
      killGroup(child);
    }
  };
  const onAbort = () => killGroup(child);
  run.signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop("late"), run.limits.timeMs);
  const tail = collectTail(child);
  const stdout = collectStdout(child, run, { take, onTooMuch: () => stop("too much") });
  try {
    const { exit, isGood } = await new Promise<{ exit: string; isGood: boolean }>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) =>
        resolve({ exit: code === null ? `signal ${signal}` : `exit code ${code}`, isGood: code === 0 }),
      );
    });
    run.signal?.throwIfAborted();
    if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
    const lastLines = tail.join("\n");
    if (!isGood && (TOO_LARGE.has(exit) || /File too large/.test(lastLines))) stopped ??= "too much";
    return { how: stopped ?? (isGood ? "done" : "failed"), exit, stdout: stdout(), tail: lastLines };
  } finally {
    clearTimeout(timer);
    run.signal?.removeEventListener("abort", onAbort);
    killGroup(child);
  }
}

/** What stands before the program on the command line, as far as this machine has it (util-linux has both). */
async function guards({ limits, withoutPrivileges }: ProgramRun): Promise<string[]> {
  const [prlimit, setpriv] = await Promise.all([findProgram("prlimit"), findProgram("setpriv")]);
  const bound = (option: string, value: number | undefined) =>
    value === undefined ? [] : [`--${option}=${Math.ceil(value)}`];
  return [
    ...(prlimit === undefined
      ? []
      : [
          prlimit,
          // A core dump would hold whatever the program was given.
          "--core=0",
          ...bound("as", limits.memoryBytes),
          ...bound("fsize", limits.fileBytes),
          ...bound("cpu", limits.cpuSeconds),
          ...bound("nofile", limits.openFiles),
        ]),
    // It dies with this process, however that ends.
    ...(setpriv === undefined
      ? []
      : [setpriv, "--pdeathsig", "KILL", ...(withoutPrivileges === true ? privilegesDropped() : []), "--"]),
  ];
}

function privilegesDropped(): string[] {
  // Only root may empty the bounding set, and only root's programs would get capabilities back from it.
  const bounding = process.getuid?.() === 0 ? ["--bounding-set=-all"] : [];
  return ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", ...bounding];
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group is gone already.
  }
}

function collectTail(child: ChildProcess): string[] {
  const lines: string[] = [];
  let rest = "";
  const push = (line: string) => {
    const trimmed = line.trimEnd();
    if (trimmed === "") return;
    lines.push(trimmed.slice(0, MAX_TAIL_LINE_CHARS));
    if (lines.length > MAX_TAIL_LINES) lines.shift();
  };
  child.stderr?.setEncoding("utf8");
  child.stderr?.on("data", (text: string) => {
    const parts = (rest + text).split(/[\r\n]/);
    rest = (parts.pop() ?? "").slice(0, MAX_TAIL_LINE_CHARS);
    for (const part of parts) push(part);
  });
  child.stderr?.on("end", () => push(rest));
  return lines;
}

/** Answers what to ask for the text with; it is empty where lines are taken one by one. */
function collectStdout(
  child: ChildProcess,
  { onLine, limits }: ProgramRun,
  { take, onTooMuch }: { readonly take: (line: string) => void; readonly onTooMuch: () => void },
): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let rest = "";
  if (onLine !== undefined) child.stdout?.setEncoding("utf8");
  child.stdout?.on("data", (chunk: Buffer | string) => {
    bytes += Buffer.byteLength(chunk);
    if (bytes > limits.stdoutBytes || rest.length > MAX_LINE_CHARS) return onTooMuch();
    if (typeof chunk !== "string") return void chunks.push(chunk);
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  child.stdout?.on("end", () => {
    if (rest !== "") take(rest);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

/** The argument as a person may paste it into a shell. */
function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
