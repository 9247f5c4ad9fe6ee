/** One run of the PostgreSQL server program: its command line, its start until it answers, its end. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Logger } from "#pkg/obs/obs";
import type { Account } from "#pkg/process/accounts";
import type { Binaries } from "./binaries.ts";
import { STOP_STEPS, sendSignal } from "./processes.ts";

export interface ServerOptions {
  readonly cluster: string;
  readonly port: number;
  readonly user: Account | undefined;
  readonly binaries: Binaries;
  readonly durability: "durable" | "throwaway";
  readonly log: Logger;
}

export interface ServerProcess {
  readonly pid: number;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
  /** Fast shutdown: sessions are cut off, committed data is written. Resolves when the process is gone. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** The server's arguments; settings come from here alone, so that a new version of ours changes them. */
export function serverArgs(options: Pick<ServerOptions, "cluster" | "port" | "durability">): string[] {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(options.port),
    unix_socket_directories: "",
    // a pool of 4 and a listener per module and port, for a host of its own each
    max_connections: "300",
    shared_buffers: "64MB",
    timezone: "UTC",
    log_timezone: "UTC",
    // what a client's statement did wrong reaches the client; this log is for what befalls the server
    log_min_messages: "fatal",
    log_line_prefix: "",
  };
  if (options.durability === "throwaway") {
    // synchronous_commit stays on: without it, what was committed is lost with the process, not only with the power
    Object.assign(settings, {
      fsync: "off",
      full_page_writes: "off",
      wal_level: "minimal",
      max_wal_senders: "0",
    });
  }
  return ["-D", options.cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** Resolves when the server accepts connections; throws the last lines that it said when it ends before. */
export async function spawnServer(options: ServerOptions): Promise<ServerProcess> {
  const server = [join(options.binaries.folder, "bin/postgres"), ...serverArgs(options)];
  // a killed host takes the server along; where setpriv cannot do that, the next start stops what is left
  const [file = "", ...args] = (await hasDeathSignal()) ? ["setpriv", "--pdeathsig", "INT", "--", ...server] : server;
  const child = spawn(file, args, {
    ...(options.user && { uid: options.user.uid, gid: options.user.gid }),
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    // a process session of its own: Ctrl-C in the terminal reaches the host, which drains before it stops the server
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stopping = false;
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    lastLines.push(line);
    if (lastLines.length > 5) lastLines.shift();
    if (!stopping) options.log.debug({ line }, "PostgreSQL said");
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) =>
      resolve([signal ? `killed by ${signal}` : `exit code ${code}`, ...lastLines].join("; ")),
    );
  });
  await untilReady(child, options.cluster, ended);
  child.unref();
  // @NOTE the pipe would keep the host's event loop alive
  if ("unref" in child.stderr && typeof child.stderr.unref === "function") child.stderr.unref();

  const pid = child.pid ?? 0;
  return {
    pid,
    ended,
    async stop() {
      stopping = true;
      child.ref();
      for (const { signal, waitMs } of STOP_STEPS) {
        if (child.exitCode !== null || child.signalCode !== null) break;
        sendSignal(pid, signal);
        const timer = new AbortController();
        await Promise.race([ended, delay(waitMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
        timer.abort();
      }
      await ended;
    },
  };
}

/** Watches the pid file, whose eighth line says `ready` when connections are accepted (the server's miscadmin.h). */
async function untilReady(child: ChildProcess, cluster: string, ended: Promise<string>): Promise<void> {
  let ending: string | undefined;
  ended.then((how) => {
    ending = how;
  });
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  while (ending === undefined) {
    const lines = (await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === "ready") return;
    if (performance.now() > giveUpAt) {
      if (child.pid !== undefined) sendSignal(child.pid, "SIGQUIT");
      throw new Error(`not ready within ${START_TIMEOUT_MS / 1000} s`);
    }
    await delay(10);
  }
  throw new Error(ending);
}

let deathSignal: Promise<boolean> | undefined;

/** True where util-linux's setpriv is there; others of that name lack the option. */
function hasDeathSignal(): Promise<boolean> {
  deathSignal ??= promisify(execFile)("setpriv", ["--pdeathsig", "INT", "--", "true"]).then(
    () => true,
    () => false,
  );
  return deathSignal;
}
