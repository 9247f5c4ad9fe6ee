/**
 * Promise: a warm start is ready within 5 s, and the idle Node process needs at most 300 MB. Prints each figure and its
 * ratio to the limit; exits 1 where one is exceeded. Run it on a quiet machine: `node bench/start.ts`.
 */

import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startPlatform } from "./shared/platform.ts";

const READY_LIMIT_MS = 5_000;
const MEMORY_LIMIT_MB = 300;
const STARTS = 3;
/** How long the process is left alone before its memory is read. */
const IDLE_MS = 10_000;

/** Resident memory in MB (proc_pid_status(5), VmRSS). */
async function residentMb(pid: number): Promise<number> {
  const [, kilobytes = "0"] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

function report(what: string, value: number, unit: string, limit: number): boolean {
  const ratio = value / limit;
  process.stdout.write(
    `${what.padEnd(24)} ${value.toFixed(0).padStart(6)} ${unit}  ${ratio.toFixed(2)} x limit of ${limit} ${unit}\n`,
  );
  return ratio <= 1;
}

const data = await mkdtemp(join(tmpdir(), "matinee-bench-start-"));
// As root the database runs as another user, who must be able to reach its folder.
await chmod(data, 0o755);
try {
  const first = await startPlatform(data);
  process.stdout.write(`first start (empty data)  ${first.readyMs.toFixed(0)} ms\n`);
  await first.stop();
  const readyMs: number[] = [];
  let idleMb = 0;
  for (let count = 1; count <= STARTS; count++) {
    const warm = await startPlatform(data);
    readyMs.push(warm.readyMs);
    if (count === STARTS) {
      await delay(IDLE_MS);
      idleMb = await residentMb(warm.process.pid ?? 0);
    }
    await warm.stop();
  }
  const worst = Math.max(...readyMs);
  const withinTime = report("warm start, worst of three", worst, "ms", READY_LIMIT_MS);
  const withinMemory = report("idle memory", idleMb, "MB", MEMORY_LIMIT_MB);
  process.exitCode = withinTime && withinMemory ? 0 : 1;
} finally {
  await rm(data, { recursive: true, force: true });
}
