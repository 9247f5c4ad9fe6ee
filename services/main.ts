/** The only server executable. */

import { fileURLToPath } from "node:url";
import { run } from "#pkg/app/run";
import { modules } from "./targets.ts";

/** Nothing should be left once `run` has ended; what is left nevertheless must not keep the process. */
const WATCHDOG_MS = 10_000;

const env = { ...process.env };
// Programs that we start inherit the environment, and these are nobody else's business.
for (const name of ["LOOPBACK_SECRET", "LOOPBACK_PROOF", "POSTGRES_ROLE_SECRET", "BLOBSTORE_SECRET"]) {
  delete process.env[name];
}
process.exitCode = await run({
  argv: process.argv.slice(2),
  env,
  modules,
  script: fileURLToPath(import.meta.url),
  out: process.stdout,
  err: process.stderr,
});
setTimeout(() => process.exit(), WATCHDOG_MS).unref();
