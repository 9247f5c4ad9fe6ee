/** Looks at and stops processes of an earlier host. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "#pkg/obs/obs";

/** How a server is asked to go, and for how long each way is tried (PostgreSQL manual, "Shutting Down the Server"). */
export const STOP_STEPS = [
  { signal: "SIGINT", waitMs: 10_000 },
  { signal: "SIGQUIT", waitMs: 3000 },
  { signal: "SIGKILL", waitMs: 5000 },
] as const;

/**
 * Clock ticks after boot at which the process started, field 22 of /proc/PID/stat; empty where none runs. One that has
 * ended holds nothing any more, though its entry stays until its parent looks: for seconds, or for as long as it lives.
 */
export async function processStartTime(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // the command in brackets may hold spaces; the state follows it, and the start time 19 fields later
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "" : (fields[19] ?? "");
}

export async function isSameProcess(pid: number, startTime: string): Promise<boolean> {
  return startTime !== "" && (await processStartTime(pid)) === startTime;
}

/** Stops the server that still runs on this cluster, if there is one, and waits until it is gone. */
export async function stopServerOf(cluster: string, log: Logger): Promise<void> {
  const pid = await serverPidOf(cluster);
  if (pid === undefined) return;
  const startTime = await processStartTime(pid);
  log.info({ pid, cluster }, "stopping a PostgreSQL server left over from an earlier host");
  for (const { signal, waitMs } of STOP_STEPS) {
    if (!(await isSameProcess(pid, startTime))) return;
    sendSignal(pid, signal);
    const giveUpAt = performance.now() + waitMs;
    while (performance.now() < giveUpAt) {
      if (!(await isSameProcess(pid, startTime))) return;
      await delay(20);
    }
  }
}

/** Sends the signal; a process that has just ended is none the worse for it. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function serverPidOf(cluster: string): Promise<number | undefined> {
  const text = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "");
  const pid = Number(text.split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  // after a reboot the number may be anybody's
  const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return argv.includes(cluster) && argv[0]?.endsWith("postgres") ? pid : undefined;
}
