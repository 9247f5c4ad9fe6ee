/** What can befall a platform: each fault is done, lasts, and is over; nothing of it needs a person. */

import { execFileSync, spawnSync } from "node:child_process";
import { readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "#pkg/testkit/eventually";
import type { Chance } from "./chance.ts";
import type { Cluster, Topology } from "./cluster.ts";
import { processesOf } from "./processes.ts";

export interface Fault {
  readonly kind: string;
  /** What exactly, for whoever repeats it. */
  readonly what: string;
  /** Resolves when the fault is over and all that it killed runs again. */
  readonly run: () => Promise<void>;
}

export interface FaultKind {
  readonly kind: string;
  readonly topologies: readonly Topology[];
  readonly needs: "nothing" | "a disk of its own";
  readonly plan: (cluster: Cluster, chance: Chance) => Omit<Fault, "kind">;
}

const EVERYWHERE: readonly Topology[] = ["one-process", "process-per-module"];
/** Longer than the leases of the rounds' settings. */
const BEYOND_LEASE_MS = 5_000;
const FILLER = "filler";
const FILL_TRIES = 20;
const TOOLS = /\b(ffmpeg|ffprobe|packager-linux-\w+) /;

export const FAULT_KINDS: readonly FaultKind[] = [
  {
    kind: "kill -9 a host",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan(cluster, chance) {
      const names = [chance.pick(cluster.processes)];
      const awayMs = chance.below(1_500);
      return {
        what: `${names} for ${awayMs} ms`,
        async run() {
          await cluster.kill(names);
          await delay(awayMs);
          await cluster.restart();
        },
      };
    },
  },
  {
    kind: "kill -9 everything",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan: (cluster) => ({
      what: "all processes",
      async run() {
        await cluster.kill();
        await cluster.restart();
      },
    }),
  },
  {
    kind: "kill -9 a worker",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan: (cluster, chance) => ({
      what: "one of them",
      async run() {
        const [pid] = chance.shuffled(await pidsOf(cluster, isWorker));
        if (pid === undefined) return;
        kill(pid, "SIGKILL");
        await eventually("it is gone", async () => (await pidsOf(cluster, isWorker)).every((one) => one !== pid));
        await cluster.restart();
      },
    }),
  },
  {
    kind: "kill -9 a media tool",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan: (cluster, chance) => ({
      what: "the first that is seen",
      async run() {
        for (let looks = 0; looks < 200; looks++) {
          const [pid] = chance.shuffled(await pidsOf(cluster, (line) => TOOLS.test(line)));
          if (pid !== undefined) return kill(pid, "SIGKILL");
          await delay(20);
        }
      },
    }),
  },
  {
    kind: "kill -9 PostgreSQL",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan: (cluster) => ({ what: "its postmaster", run: async () => void (await cluster.killPostgres()) }),
  },
  {
    kind: "restart PostgreSQL",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan: (cluster) => ({
      what: "fast shutdown",
      async run() {
        const pid = Number(
          (await readFile(join(cluster.data, "postgres/cluster/postmaster.pid"), "utf8")).split("\n")[0],
        );
        kill(pid, "SIGINT");
        await delay(200);
      },
    }),
  },
  {
    kind: "SIGSTOP a host beyond its leases",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan(cluster, chance) {
      const names = [chance.pick(cluster.processes)];
      const forMs = BEYOND_LEASE_MS + chance.below(2_000);
      return {
        what: `${names} for ${forMs} ms`,
        async run() {
          cluster.signal(names, "SIGSTOP");
          await delay(forMs);
          cluster.signal(names, "SIGCONT");
        },
      };
    },
  },
  {
    kind: "SIGSTOP a worker beyond its lease",
    topologies: EVERYWHERE,
    needs: "nothing",
    plan(cluster, chance) {
      const forMs = BEYOND_LEASE_MS + chance.below(2_000);
      return {
        what: `one of them for ${forMs} ms`,
        async run() {
          const [pid] = chance.shuffled(await pidsOf(cluster, isWorker));
          if (pid === undefined) return;
          kill(pid, "SIGSTOP");
          await delay(forMs);
          kill(pid, "SIGCONT");
        },
      };
    },
  },
  {
    kind: "a full disk for moments",
    topologies: EVERYWHERE,
    needs: "a disk of its own",
    plan: (cluster, chance) => fullDisk(cluster, chance.below(300) * 1024, 300 + chance.below(4_000)),
  },
  {
    kind: "a full disk for long",
    topologies: EVERYWHERE,
    needs: "a disk of its own",
    plan: (cluster, chance) => fullDisk(cluster, chance.below(300) * 1024, 8_000 + chance.below(7_000)),
  },
  {
    kind: "a host on a full disk is killed",
    topologies: ["one-process"],
    needs: "a disk of its own",
    plan(cluster, chance) {
      const { what, run } = fullDisk(cluster, chance.below(100) * 1024, 2_000 + chance.below(3_000));
      return {
        what,
        async run() {
          const full = run();
          await delay(500);
          await cluster.kill();
          await Promise.all([full, cluster.restart()]);
        },
      };
    },
  },
  {
    kind: "a second host on the same folder",
    topologies: ["one-process"],
    needs: "nothing",
    plan: (cluster) => ({
      what: "started beside the first",
      async run() {
        const ports = { LISTEN: "127.0.0.1:0", INTERNAL_LISTEN: "127.0.0.1:0" };
        const second = cluster.another(cluster.processes[0] ?? "", ports);
        second.start();
        const ended = await second.untilEnded();
        if (ended !== "exit code 1") throw new Error(`the second host was not refused: ${ended}`);
      },
    }),
  },
  {
    kind: "a second process of a module, killed",
    topologies: ["process-per-module"],
    needs: "nothing",
    plan(cluster, chance) {
      const name = chance.pick(["ingestion", "transcode", "packager", "catalog", "notification"]);
      return {
        what: name,
        async run() {
          const ports = { LISTEN: "off", INTERNAL_LISTEN: "127.0.0.1:0", INSTANCE: "second" };
          const second = cluster.another(name, ports);
          second.start();
          await delay(1_500 + chance.below(1_500));
          if (!second.isRunning) throw new Error(`a second ${name} ended: ${await second.untilEnded()}`);
          await second.kill("SIGKILL");
        },
      };
    },
  },
  {
    kind: "a consumer with a backlog",
    topologies: ["process-per-module"],
    needs: "nothing",
    plan(cluster, chance) {
      const names = [chance.pick(["transcode", "packager", "catalog", "notification", "recommendations"])];
      const awayMs = 4_000 + chance.below(4_000);
      return {
        what: `${names} away for ${awayMs} ms`,
        async run() {
          await cluster.kill(names);
          await delay(awayMs);
          await cluster.restart();
        },
      };
    },
  },
];

/** Leaves this much room for so long. */
function fullDisk(cluster: Cluster, leftBytes: number, forMs: number): Omit<Fault, "kind"> {
  return {
    what: `${Math.round(leftBytes / 1024)} KiB left for ${forMs} ms`,
    async run() {
      await using _filled = await fillDisk(cluster.data, leftBytes);
      await delay(forMs);
    },
  };
}

/** Leaves this much room on the folder's file system until it is disposed of. */
export async function fillDisk(folder: string, leftBytes: number): Promise<AsyncDisposable> {
  const path = join(folder, FILLER);
  const empty = { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  try {
    await fill(path, leftBytes);
  } catch (error) {
    await empty[Symbol.asyncDispose]();
    throw error;
  }
  return empty;
}

/** The platform writes meanwhile, so what is left is found by trying. */
async function fill(path: string, leftBytes: number): Promise<void> {
  await writeFile(path, "");
  for (let tries = 1; ; tries++) {
    const { bavail, bsize } = await statfs(path);
    const { size } = await stat(path);
    const bytes = size + Math.max(0, bavail * bsize - leftBytes);
    const made = spawnSync("fallocate", ["--length", String(Math.max(1, bytes)), path], { encoding: "utf8" });
    if (made.status === 0) return;
    if (tries === FILL_TRIES) throw new Error(`the disk could not be filled: ${made.stderr}`);
  }
}

const isWorker = (line: string) => line.includes("--target=transcode-worker") && !line.includes("setpriv");

async function pidsOf(cluster: Cluster, wanted: (line: string) => boolean): Promise<number[]> {
  return (await processesOf(cluster.data)).filter(wanted).map((line) => Number.parseInt(line, 10));
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** A small file system in memory for the platform's folder, where we may mount one; undefined where not. */
export function mountDisk(folder: string, sizeMb: number): Disposable | undefined {
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m,mode=0711`, "tmpfs", folder]);
  if (mounted.status !== 0) return undefined;
  const unmount = () => {
    try {
      execFileSync("umount", ["--lazy", folder], { stdio: "ignore" });
    } catch {
      // It was unmounted before.
    }
  };
  process.once("exit", unmount);
  return {
    [Symbol.dispose]() {
      process.off("exit", unmount);
      unmount();
    },
  };
}
