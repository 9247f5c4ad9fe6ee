/** Databases for tests: one throw-away server per process, a fresh schema and role for whoever asks. */

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "#pkg/postgres/embedded";
import { type MigrationSet, migrate, outboxMigrations } from "#pkg/postgres/migrate";
import { openPool } from "#pkg/postgres/pool";
import { roleUrl, schemaOf } from "#pkg/postgres/roles";

export interface TestDb extends AsyncDisposable {
  readonly db: Db;
  /** Logs in as the schema's role. */
  readonly url: string;
  readonly schema: string;
}

const roleSecret = randomBytes(32);
let server: Promise<EmbeddedPostgres> | undefined;
let count = 0;

/** A pool on a fresh schema and role made from `moduleName`, migrated with outbox, inbox and then `migrations`. */
export async function testDb(moduleName: string, migrations?: URL | readonly MigrationSet[]): Promise<TestDb> {
  const adminUrl = await testPostgresUrl();
  count += 1;
  const name = `${moduleName}-${count}`;
  const sets = migrations instanceof URL ? [{ source: "module", directory: migrations }] : (migrations ?? []);
  await migrate({ adminUrl, roleSecret, plans: [{ name, sets: [outboxMigrations, ...sets] }], log: quietLog });
  const url = roleUrl(adminUrl, roleSecret, name);
  const db = openPool({ url, name, log: quietLog });
  return { db, url, schema: schemaOf(name), [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() };
}

/** The administrator's URL of the process's throw-away server, which ends with the process. */
export async function testPostgresUrl(): Promise<string> {
  server ??= start();
  return (await server).url;
}

/** A logger that says nothing. */
export const quietLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  fatal: () => undefined,
  child: () => quietLog,
};

async function start(): Promise<EmbeddedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "matinee-test-postgres-"));
  await chmod(folder, 0o711);
  const started = await startEmbeddedPostgres({ folder, log: quietLog, durability: "throwaway" });
  process.once("exit", () => {
    // nothing can be awaited here; nobody will miss what the server had not written
    try {
      process.kill(started.pid, "SIGKILL");
    } catch {
      // already gone
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return started;
}
