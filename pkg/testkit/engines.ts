/** Where `scripts/setup.sh test` has put the engines of infra/local/engines.txt. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LOCAL = fileURLToPath(new URL("../../infra/local/", import.meta.url));

/** A program of the Python environment, such as `moto_server`. Throws what the script says where it is not there. */
export function pythonProgram(name: string): string {
  return join(pathFrom("python.sh"), "bin", name);
}

/** A program that was built by Go. Throws what the script says where it is not there. */
export function goProgram(name: string): string {
  return pathFrom("go.sh", name);
}

function pathFrom(script: string, ...args: readonly string[]): string {
  const stdio = ["ignore", "pipe", "pipe"] as const;
  return execFileSync(join(LOCAL, script), ["--path", ...args], { encoding: "utf8", stdio: [...stdio] }).trim();
}
