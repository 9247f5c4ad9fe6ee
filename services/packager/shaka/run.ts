/** Runs Shaka Packager: no shell, no environment, no core dump, and nothing of it left after abort, time limit or our own death. */

import { type ChildProcess, spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Logger } from "#pkg/obs/obs";
import { packagerFailed, packagerTimeLimit } from "../errors.ts";

export interface PackagerRun {
  readonly args: readonly string[];
  /** The working directory; every path in `args` is relative to it. */
  readonly folder: string;
  readonly timeLimitMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const MAX_LINES = 12;
const MAX_LINE_CHARS = 300;

/** Throws `PACKAGER_FAILED` or `PACKAGER_TIME_LIMIT` with its last lines, or the signal's reason. */
export async function runShakaPackager(run: PackagerRun): Promise<void> {
  run.signal.throwIfAborted();
  const [command = "", ...args] = [...(await guards()), packagerPath(), ...run.args];
  run.log.debug({ command: [command, ...args].map(quote).join(" ") }, "running Shaka Packager");
  // A process group of its own, so that all of it can be killed at once.
  const child = spawn(command, args, {
    cwd: run.folder,
    detached: true,
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let isLate = false;
  const onAbort = () => killGroup(child);
  run.signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child);
  }, run.timeLimitMs);
  const lines = lastLinesOf(child);
  try {
    const exit = await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(code === null ? `signal ${signal}` : `exit code ${code}`));
    });
    run.signal.throwIfAborted();
    if (isLate) throw packagerTimeLimit(run.timeLimitMs, lines.join("\n"));
    if (exit !== "exit code 0") throw packagerFailed(exit, lines.join("\n"));
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener("abort", onAbort);
    killGroup(child);
  }
}

/** The binary of the npm package for this machine. Throws a plain Error where there is none. */
export function packagerPath(): string {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) {
    throw new Error(`Shaka Packager is not carried for ${process.platform} on ${process.arch}`);
  }
  const manifest = createRequire(import.meta.url).resolve("shaka-packager/package.json");
  return join(dirname(manifest), "bin", `packager-linux-${process.arch}`);
}

let knownGuards: Promise<readonly string[]> | undefined;

/** What stands before it on the command line, as far as this machine has it (util-linux has both). */
function guards(): Promise<readonly string[]> {
  knownGuards ??= Promise.all([find("prlimit"), find("setpriv")]).then(([prlimit, setpriv]) => [
    // A core dump would hold the content keys.
    ...(prlimit === undefined ? [] : [prlimit, "--core=0"]),
    ...(setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"]),
  ]);
  return knownGuards;
}

async function find(name: string): Promise<string | undefined> {
  for (const folder of ["/usr/bin", "/bin"]) {
    try {
      await access(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

function lastLinesOf(child: ChildProcess): string[] {
  const lines: string[] = [];
  let rest = "";
  const push = (line: string) => {
    if (line.trim() === "") return;
    lines.push(line.slice(0, MAX_LINE_CHARS));
    if (lines.length > MAX_LINES) lines.shift();
  };
  child.stderr?.setEncoding("utf8");
  child.stderr?.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = (parts.pop() ?? "").slice(0, MAX_LINE_CHARS);
    for (const part of parts) push(part);
  });
  child.stderr?.on("end", () => push(rest));
  return lines;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // the whole group is gone already
  }
}

function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
