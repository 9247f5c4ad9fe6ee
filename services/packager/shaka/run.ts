/**
 * Runs Shaka Packager under the guards of every program that we start, without privileges. It keeps its user and the network:
 * it reads what we encoded ourselves, and its keys come from a server on the loopback interface.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { assertNever } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import { SYSTEM_PATH } from "#pkg/process/find";
import { runProgram } from "#pkg/process/run";
import { errors } from "../errors.ts";

export interface PackagerRun {
  readonly args: readonly string[];
  /** The working directory; every path in `args` is relative to it. */
  readonly folder: string;
  readonly timeLimitMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** It streams: a film of any length takes far less. */
const MAX_MEMORY_BYTES = 8 * 1024 ** 3;
const MAX_OPEN_FILES = 4_096;
/** Nothing of what it prints to stdout is of use. */
const MAX_STDOUT_BYTES = 1024 * 1024;

/** Throws `PACKAGER_FAILED` or `PACKAGER_TIME_LIMIT` with its last lines, or the signal's reason. */
export async function runShakaPackager(run: PackagerRun): Promise<void> {
  const ended = await runProgram({
    argv: [packagerPath(), ...run.args],
    env: { PATH: SYSTEM_PATH },
    cwd: run.folder,
    withoutPrivileges: true,
    limits: {
      timeMs: run.timeLimitMs,
      stdoutBytes: MAX_STDOUT_BYTES,
      memoryBytes: MAX_MEMORY_BYTES,
      openFiles: MAX_OPEN_FILES,
    },
    signal: run.signal,
    log: run.log,
  });
  switch (ended.how) {
    case "done":
      return;
    case "late":
      throw errors.PACKAGER_TIME_LIMIT(run.timeLimitMs, ended.tail);
    case "failed":
    case "missing":
    case "too much":
      throw errors.PACKAGER_FAILED(ended.exit, ended.tail);
    default:
      assertNever(ended.how);
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
