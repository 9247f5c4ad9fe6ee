/** Redis servers for tests: real ones on free ports of this machine, which end with the process. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePorts } from "./ports.ts";

export interface TestRedis extends AsyncDisposable {
  /** For `openCache`. */
  readonly url: string;
  /** Stops it from answering, without a word to its clients, until it is told to go on. */
  readonly freeze: (isFrozen: boolean) => void;
  readonly kill: () => Promise<void>;
  /** What it ran (each command in a script counts, too), bytes in and out, and its CPU, since it began. */
  readonly traffic: () => { readonly commands: number; readonly bytes: number; readonly cpuSeconds: number };
}

/** Needs Debian's `redis-server`. A cluster is one node that holds every slot. */
export async function startRedis(kind: "single" | "cluster" = "single"): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "matinee-test-redis-"));
  const [port = 0, clusterPort = 0] = await freePorts(2);
  const clustered =
    kind === "cluster"
      ? ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--cluster-port", String(clusterPort)]
      : [];
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...clustered],
    { stdio: "ignore" },
  );
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ask = (...command: string[]) =>
    execFileSync("redis-cli", ["-p", String(port), ...command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  await eventually("Redis answers", () => {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    try {
      return ask("PING").startsWith("PONG");
    } catch {
      return false;
    }
  });
  if (kind === "cluster") {
    ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await eventually("the cluster is whole", () => ask("CLUSTER", "INFO").includes("cluster_state:ok"));
  }
  return {
    url: `redis://127.0.0.1:${port}${kind === "cluster" ? "?cluster=true" : ""}`,
    freeze: (isFrozen) => void child.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
    kill: () => stop(child),
    traffic() {
      const stats = ask("INFO", "everything");
      const of = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(stats)?.[1] ?? 0);
      return {
        commands: of("total_commands_processed"),
        bytes: of("total_net_input_bytes") + of("total_net_output_bytes"),
        cpuSeconds: of("used_cpu_sys") + of("used_cpu_user"),
      };
    },
    async [Symbol.asyncDispose]() {
      await stop(child);
      process.off("exit", killAtExit);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
