/** As whom the embedded server runs: never as root, which PostgreSQL refuses. */

import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { type Account, readAccounts } from "#pkg/process/accounts";
import { errors } from "./errors.ts";

/** Accounts that the server runs as when the host is root, best first. */
const CANDIDATES = ["postgres", "nobody"];

/** The owner of an existing cluster, else the first candidate; undefined where the host itself is not root. */
export async function serverUserFor(cluster: string): Promise<Account | undefined> {
  const owner = await stat(cluster).catch(() => undefined);
  const own = process.getuid?.();
  if (own !== 0) {
    if (owner !== undefined && owner.uid !== own)
      throw errors.POSTGRES_FOLDER_FOREIGN(dirname(cluster), `it belongs to uid ${owner.uid}`);
    return undefined;
  }
  const accounts = await readAccounts();
  if (owner !== undefined && owner.uid !== 0) {
    const known = accounts.find((account) => account.uid === owner.uid);
    return known ?? { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  }
  for (const name of CANDIDATES) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid !== 0);
    if (account !== undefined) return account;
  }
  throw errors.POSTGRES_FOLDER_FOREIGN(
    dirname(cluster),
    `PostgreSQL refuses to run as root and there is no user ${CANDIDATES.join(" or ")}`,
  );
}

/** True where every folder on the way, and `path` itself, lets the user pass; looks at permission bits only. */
export async function isReachable(path: string, user: Account): Promise<boolean> {
  const found = await stat(path);
  const shift = found.uid === user.uid ? 6 : found.gid === user.gid ? 3 : 0;
  const needed = found.isDirectory() ? 0o1 : 0o5;
  if (((found.mode >> shift) & needed) !== needed) return false;
  const parent = dirname(path);
  return parent === path || isReachable(parent, user);
}

/** Runs a program to its end; throws an error whose message is the last of what it said. */
export async function runAsServerUser(user: Account | undefined, file: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(file, args, {
      ...(user && { uid: user.uid, gid: user.gid }),
      cwd: "/",
      // nothing of the host's environment, which may hold secrets, is the server's business
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
      timeout: 120_000,
    });
  } catch (error) {
    const said = error instanceof Error && "stderr" in error && typeof error.stderr === "string" ? error.stderr : "";
    throw new Error(said.trim().split("\n").slice(-3).join(" ") || String(error), { cause: error });
  }
}
