/** PostgreSQL for a host: an embedded server or a given one, migrations, and a pool per login role. */

import { resolve } from "node:path";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import type { MigrationSet } from "#pkg/postgres/migrate";
import { loadSecret } from "./secrets.ts";
import type { HostConfig } from "./settings.ts";

/** A server that several hosts share, each with schemas of its own. */
export interface GivenDatabase {
  readonly adminUrl: string;
  readonly roleSecret: Uint8Array;
  /** The schema's name for a module's or port's. */
  readonly nameOf: (name: string) => string;
}

export interface DatabaseOptions {
  readonly config: HostConfig;
  readonly log: Logger;
  readonly given: GivenDatabase | undefined;
  /** The embedded server was given up. */
  readonly onFailed: (error: Error) => void;
}

export interface Database extends AsyncDisposable {
  /** Migrates, or checks where the setting says so, the schemas of these modules and ports. */
  prepare(plans: readonly { readonly name: string; readonly sets: readonly MigrationSet[] }[]): Promise<void>;
  /** The pool of a module or port, opened at first use. */
  pool(name: string): Promise<Db>;
}

/** Starts or finds the server. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { config, log, given } = options;
  await using stack = new AsyncDisposableStack();
  const { migrate, checkMigrations } = await import("#pkg/postgres/migrate");
  const { openPool } = await import("#pkg/postgres/pool");
  const { roleUrl } = await import("#pkg/postgres/roles");
  const nameOf = given?.nameOf ?? ((name: string) => name);
  let adminUrl = given?.adminUrl ?? config.postgresUrl;
  const embedded = adminUrl === undefined;
  if (adminUrl === undefined) {
    const { startEmbeddedPostgres } = await import("#pkg/postgres/embedded");
    const server = stack.use(await startEmbeddedPostgres({ folder: resolve(config.data, "postgres"), log }));
    void server.failed.then(options.onFailed);
    adminUrl = server.url;
  }
  const url = adminUrl;
  const roleSecret =
    given?.roleSecret ??
    (config.postgresRoleSecret === undefined
      ? await loadSecret(resolve(config.data, "secrets", "postgres-roles"))
      : Buffer.from(config.postgresRoleSecret));
  const migrates = given !== undefined || config.migrate === "start" || (config.migrate === "auto" && embedded);
  const pools = new Map<string, Db>();
  const owned = stack.move();

  return {
    async prepare(plans) {
      const named = plans.map((plan) => ({ ...plan, name: nameOf(plan.name) }));
      if (migrates) return migrate({ adminUrl: url, roleSecret, plans: named, log });
      for (const plan of named) await checkMigrations({ url: roleUrl(url, roleSecret, plan.name), plan });
    },
    async pool(name) {
      let db = pools.get(name);
      if (db === undefined) {
        db = owned.use(openPool({ url: roleUrl(url, roleSecret, nameOf(name)), name: nameOf(name), log }));
        pools.set(name, db);
      }
      return db;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
