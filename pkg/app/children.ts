/**
 * Isolated modules as child processes: they are given no secret but the proof of their own name, and die with the host.
 * They run as the host's user, whose files in the blob stores they read and write; what works on files that nobody trusts
 * is the tools that they start, which have no rights at all.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { availableParallelism } from "node:os";
import type { Clock } from "#pkg/clock/clock";
import { type Environment, prefixOf } from "#pkg/config/load";
import type { Logger } from "#pkg/obs/obs";
import { proofFor } from "#pkg/rpc/loopback";
import { calleesOf } from "./graph.ts";
import type { Module } from "./module.ts";
import { portVariable } from "./port-table.ts";
import { portsOf } from "./ports.ts";
import { addressVariable, type Settings } from "./settings.ts";

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** A child that lived this long was healthy; its next restart is quick again. */
const HEALTHY_MS = 60_000;
const STOP_MS = 5_000;

/** What a child may know of its host's environment, beside its own settings and the URLs of its ports. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "NODE_COMPILE_CACHE", "DATA", "LOG_LEVEL", "OTLP_ENDPOINT"];

export interface ChildrenOptions {
  /** The script that opens modules by `--target`. */
  readonly script: string;
  readonly modules: readonly Module[];
  readonly known: readonly Module[];
  /** The modules of this process, which children reach at its internal listener. */
  readonly here: readonly Module[];
  readonly settings: Settings;
  readonly env: Environment;
  readonly secret: string;
  readonly internalAddress: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fail: (name: string, cause: unknown) => void;
}

export interface Children {
  /** Asks every child to end, kills what does not, and resolves when none is left. */
  stop(): Promise<void>;
}

export function startChildren(options: ChildrenOptions): Children {
  const controller = new AbortController();
  const count = options.settings.host.workers || availableParallelism();
  const running = options.modules.flatMap((module) =>
    Array.from({ length: count }, (_, index) => keepRunning(module, index + 1, options, controller.signal)),
  );
  return {
    async stop() {
      controller.abort();
      await Promise.all(running);
    },
  };
}

async function keepRunning(
  module: Module,
  instance: number,
  options: ChildrenOptions,
  signal: AbortSignal,
): Promise<void> {
  const log = options.log.child({ module: module.name, instance });
  let backoffMs = FIRST_BACKOFF_MS;
  while (!signal.aborted) {
    const startedAtMs = options.clock.now().getTime();
    const ended = await runChild(
      childCommand(options.script, module),
      childEnvironment(module, instance, options),
      signal,
      log,
    );
    if (signal.aborted) return;
    if (options.clock.now().getTime() - startedAtMs > HEALTHY_MS) backoffMs = FIRST_BACKOFF_MS;
    log.warn({ ended, backoffMs }, "child process ended; starting it again");
    await options.clock.sleep(backoffMs, signal).catch(() => {});
    backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
  }
}

/** argv of a child; `setpriv` makes the kernel kill it when the host dies, however it dies. */
export function childCommand(script: string, module: Module): readonly string[] {
  const own = [process.execPath, script, `--target=${module.name}`];
  const setpriv = findSetpriv();
  return setpriv === undefined ? own : [setpriv, "--pdeathsig", "KILL", "--", ...own];
}

function findSetpriv(): string | undefined {
  return ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Its own settings and the addresses of what it calls; no secret but the proof of its name. */
export function childEnvironment(
  module: Module,
  instance: number,
  options: Pick<ChildrenOptions, "known" | "here" | "settings" | "env" | "secret" | "internalAddress">,
): Record<string, string> {
  const env: Record<string, string> = {
    LISTEN: "off",
    INTERNAL_LISTEN: "off",
    LOOPBACK_PROOF: proofFor(options.secret, module.name),
    INSTANCE: String(instance),
  };
  const prefix = `${prefixOf(module.name)}_`;
  const passedOn = [...PASSED_ON, ...portsOf(module).map(portVariable)];
  for (const [name, value] of Object.entries(options.env)) {
    if (value !== undefined && (passedOn.includes(name) || name.startsWith(prefix))) env[name] = value;
  }
  for (const callee of calleesOf(module, options.known)) {
    const address = options.here.some((one) => one.name === callee)
      ? options.internalAddress
      : options.settings.addressesOf(callee)?.join(",");
    if (address !== undefined) env[addressVariable(callee)] = address;
  }
  return env;
}

function runChild(
  argv: readonly string[],
  env: Record<string, string>,
  signal: AbortSignal,
  log: Logger,
): Promise<string> {
  return new Promise((resolve) => {
    const [command = "", ...args] = argv;
    // The channel tells a child that its host has gone where the kernel does not.
    const child: ChildProcess = spawn(command, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    log.debug({ pid: child.pid }, "child process started");
    let killer: NodeJS.Timeout | undefined;
    const stop = () => {
      child.kill("SIGTERM");
      killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    };
    signal.addEventListener("abort", stop, { once: true });
    const done = (ended: string) => {
      clearTimeout(killer);
      signal.removeEventListener("abort", stop);
      resolve(ended);
    };
    child.once("error", (error) => done(error.message));
    child.once("exit", (code, name) => done(name ?? `exit code ${code}`));
  });
}
