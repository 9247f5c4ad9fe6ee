/** Brings a database to the schema that the code expects: roles, schemas, and plain numbered SQL files. */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import pg from "pg";
import type { Logger } from "#pkg/obs/obs";
import { errors, toAppError } from "./errors.ts";
import { prepareDatabase, prepareRole, roleOf, schemaOf } from "./roles.ts";

/**
 * A folder of `NNNN_what.sql` files, each run in a transaction of its own. One whose first line is
 * `-- no-transaction` runs outside one and must then hold a single statement that may be repeated.
 */
export interface MigrationSet {
  /** What the history is kept under, such as `module` or `outbox`; numbers are unique within it. */
  readonly source: string;
  readonly directory: URL;
}

export interface SchemaPlan {
  /** Name of a module, or `port-queue` and the like; `roleOf` and `schemaOf` derive from it. */
  readonly name: string;
  /** Applied in this order. */
  readonly sets: readonly MigrationSet[];
}

/** Outbox and inbox, for the schema of every service module. */
export const outboxMigrations: MigrationSet = {
  source: "outbox",
  directory: new URL("./migrations/", import.meta.url),
};

/**
 * Creates or updates roles, schemas and tables with an administrator's connection; safe to run from several processes
 * at once. Throws `failed_precondition` when an applied file was changed, removed or overtaken. Files that are applied
 * but newer than all that the code has are left alone: they belong to the next release.
 */
export async function migrate(options: {
  readonly adminUrl: string;
  readonly roleSecret: Uint8Array;
  readonly plans: readonly SchemaPlan[];
  readonly log: Logger;
}): Promise<void> {
  await using session = await connect(options.adminUrl);
  const { client } = session;
  await locked(client, "matinee.migrate", async () => {
    await prepareDatabase(client);
    for (const plan of options.plans) await prepareRole(client, plan.name, options.roleSecret);
  });
  for (const plan of options.plans) {
    const schema = schemaOf(plan.name);
    const files = await readSets(plan, schema);
    await locked(client, `matinee.migrate.${schema}`, async () => {
      await client.query(`set role ${pg.escapeIdentifier(roleOf(plan.name))}`);
      await client.query(`set search_path to ${pg.escapeIdentifier(schema)}, extensions`);
      try {
        await client.query(HISTORY_TABLE);
        const applied = await readHistory(client);
        for (const file of pendingFiles(schema, files, applied)) {
          await apply(client, schema, file);
          options.log.info({ schema, source: file.source, file: file.name }, "migration applied");
        }
      } finally {
        await client.query("reset role");
        await client.query("reset search_path");
      }
    });
  }
}

/** Throws `failed_precondition`, naming what is missing, unless every file of the plan has been applied as it is. */
export async function checkMigrations(options: { readonly url: string; readonly plan: SchemaPlan }): Promise<void> {
  const schema = schemaOf(options.plan.name);
  const files = await readSets(options.plan, schema);
  await using session = await connect(options.url);
  const found = await session.client.query<{ there: boolean }>(
    "select to_regclass($1 || '.schema_migrations') is not null as there",
    [schema],
  );
  const applied = found.rows[0]?.there ? await readHistory(session.client) : [];
  const pending = pendingFiles(schema, files, applied);
  if (pending.length > 0) {
    throw errors.MIGRATION_MISSING(
      schema,
      pending.map((file) => file.name),
    );
  }
}

const HISTORY_TABLE = `create table if not exists schema_migrations (
  source text not null,
  number int not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default now(),
  primary key (source, number)
)`;

interface MigrationFile {
  readonly source: string;
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
  readonly sql: string;
}

type Applied = Pick<MigrationFile, "source" | "number" | "name" | "sha256">;

async function readSets(plan: SchemaPlan, schema: string): Promise<MigrationFile[]> {
  const files: MigrationFile[] = [];
  for (const { source, directory } of plan.sets) {
    const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
    let previous = 0;
    for (const name of names) {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (!(number > previous))
        throw errors.MIGRATION_REFUSED(schema, `${name} is not named NNNN_what.sql with a new number`);
      previous = number;
      const sql = await readFile(new URL(name, directory), "utf8");
      files.push({ source, number, name, sql, sha256: createHash("sha256").update(sql).digest("hex") });
    }
  }
  return files;
}

async function readHistory(client: pg.Client): Promise<Applied[]> {
  const found = await client.query<Applied>("select source, number, name, sha256 from schema_migrations");
  return found.rows;
}

function pendingFiles(schema: string, files: readonly MigrationFile[], applied: readonly Applied[]): MigrationFile[] {
  for (const old of applied) {
    const ours = files.filter((file) => file.source === old.source);
    const same = ours.find((file) => file.number === old.number);
    if (same !== undefined && same.sha256 !== old.sha256) {
      throw errors.MIGRATION_REFUSED(
        schema,
        `${same.name} was changed after it had been applied; add a new file instead`,
      );
    }
    if (same === undefined && ours.some((file) => file.number > old.number)) {
      throw errors.MIGRATION_REFUSED(schema, `${old.name} was applied and is gone`);
    }
  }
  const pending = files.filter(
    (file) => !applied.some((old) => old.source === file.source && old.number === file.number),
  );
  for (const file of pending) {
    const later = applied.find((old) => old.source === file.source && old.number > file.number);
    if (later !== undefined)
      throw errors.MIGRATION_REFUSED(schema, `${file.name} was overtaken by ${later.name}; renumber it`);
  }
  return pending;
}

async function apply(client: pg.Client, schema: string, file: MigrationFile): Promise<void> {
  const inTransaction = !/^-- no-transaction\s*$/m.test(file.sql.split("\n", 1)[0] ?? "");
  const record = () =>
    client.query("insert into schema_migrations (source, number, name, sha256) values ($1, $2, $3, $4)", [
      file.source,
      file.number,
      file.name,
      file.sha256,
    ]);
  try {
    if (inTransaction) await client.query("begin");
    await client.query(file.sql);
    await record();
    if (inTransaction) await client.query("commit");
  } catch (error) {
    if (inTransaction) await client.query("rollback").catch(() => undefined);
    throw errors.MIGRATION_FAILED(schema, file.name, error);
  }
}

/** Holds a session's advisory lock while `work` runs, so that hosts that start together take turns. */
async function locked(client: pg.Client, name: string, work: () => Promise<void>): Promise<void> {
  await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [name]);
  try {
    await work();
  } finally {
    await client.query("select pg_advisory_unlock(hashtextextended($1, 0))", [name]);
  }
}

async function connect(url: string): Promise<{ readonly client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url, application_name: "migrate", connectionTimeoutMillis: 10_000 });
  // the statement in progress reports the loss; unheard, the event would end the process
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw toAppError(error);
  }
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
