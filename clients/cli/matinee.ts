#!/usr/bin/env node
/** The `matinee` command: reads the environment, runs one command, and ends with its exit code. */

import { run } from "./program.ts";

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort());
}
process.exitCode = await run({
  argv: process.argv.slice(2),
  env: { ...process.env },
  out: process.stdout,
  err: process.stderr,
  signal: interrupted.signal,
});
