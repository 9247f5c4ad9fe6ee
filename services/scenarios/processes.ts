/** One process of the platform: started, waited for, killed and started again, with its log kept in memory. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { eventually } from "#pkg/testkit/eventually";

export const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

const STOP_MS = 30_000;
/** A machine that does much else at once starts a dozen processes slowly. */
const READY_MS = 240_000;
const MAX_LINES = 20_000;

export interface ProcessOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `http://127.0.0.1:PORT` of a listener that answers `/readyz`; undefined for a command that ends by itself. */
  readonly url: string | undefined;
}

export class PlatformProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  readonly #lines: string[] = [];
  #child: ChildProcess | undefined;
  #ended: Promise<string> | undefined;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** A process like this one but for these settings, not started. */
  another(changes: Readonly<Record<string, string>>): PlatformProcess {
    const env = { ...this.#options.env, ...changes };
    return new PlatformProcess({ ...this.#options, name: `another ${this.name}`, env });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** False as soon as the system says so: whoever kills a process and starts it again may come before Node hears of it. */
  get isRunning(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null && isAlive(child.pid);
  }

  start(): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    // The channel tells the process that the test run has gone, however it went.
    const child = spawn(process.execPath, [MAIN, ...this.#options.args], {
      env: { ...this.#options.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream?.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        this.#lines.push(...lines);
        this.#lines.splice(0, Math.max(0, this.#lines.length - MAX_LINES));
      });
    }
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
  }

  /** Resolves when it serves; throws its last lines where it ends before. */
  async untilReady(): Promise<void> {
    const { url } = this.#options;
    if (url === undefined) throw new Error(`${this.name} never becomes ready`);
    const giveUpAt = performance.now() + READY_MS;
    for (;;) {
      if (!this.isRunning) throw new Error(`${this.name} ended: ${await this.#ended}\n${this.tail(30)}`);
      if (performance.now() > giveUpAt) throw new Error(`${this.name} did not become ready\n${this.tail(30)}`);
      const status = await fetch(`${url}/readyz`).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        () => 0,
      );
      if (status === 200) return;
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** How it ended, in words. */
  async untilEnded(): Promise<string> {
    return (await this.#ended) ?? "never started";
  }

  /** Resolves when it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    this.#child?.kill(signal);
    await this.#ended;
  }

  /** In order, and by force after half a minute; answers how it ended. */
  async stop(): Promise<string> {
    const killer = setTimeout(() => this.#child?.kill("SIGKILL"), STOP_MS);
    await this.kill("SIGTERM");
    clearTimeout(killer);
    return this.untilEnded();
  }

  tail(count: number): string {
    return this.#lines.slice(-count).join("\n");
  }
}

/** Processes that have this folder in their command line, environment, or as their working directory: "PID COMMAND". */
export async function processesOf(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    const command = (await read("cmdline")).replaceAll("\0", " ").trim();
    // A zombie has no command line and does nothing any more.
    if (command === "") continue;
    const folderOf = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    if (
      [command, await read("environ"), `${folderOf}/`].some(
        (text) => text.includes(`${folder}/`) || text.includes(`${folder}\0`),
      )
    )
      found.push(`${pid} ${command}`);
  }
  return found;
}

/** Waits until no process of the folder is left, and says which ones are. */
export async function untilGone(folder: string): Promise<void> {
  await eventually("every process has ended", async () => {
    const left = await processesOf(folder);
    if (left.length > 0) throw new Error(`still running:\n  ${left.join("\n  ")}`);
    return true;
  });
}

/** A process that has ended and is not reaped yet is none (proc_pid_stat(5), field 3). */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
