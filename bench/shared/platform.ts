/** The platform in a process of its own, for what is measured from outside. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePorts } from "#pkg/testkit/ports";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface BenchPlatform {
  readonly origin: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** From its start until `/readyz` answered 200. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** Every module on one port, with its data in the folder. Rejects where it ends before it is ready. */
export async function startPlatform(data: string, env: Readonly<Record<string, string>> = {}): Promise<BenchPlatform> {
  const [port = 0] = await freePorts(1);
  const origin = `http://127.0.0.1:${port}`;
  const beganAt = performance.now();
  const child = spawn(process.execPath, ["services/main.ts", "--target=all"], {
    cwd: root,
    env: { ...process.env, LOG_LEVEL: "error", ...env, DATA: data, LISTEN: `127.0.0.1:${port}` },
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the platform ended with ${child.exitCode}`);
    const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
    if (answer?.status === 200) break;
    await delay(20);
  }
  return {
    origin,
    port,
    process: child,
    readyMs: performance.now() - beganAt,
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
