import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isAppError } from "#pkg/errors/errors";
import { quietLog, testPostgresUrl } from "#pkg/testkit/postgres";
import { checkMigrations, migrate, outboxMigrations, type SchemaPlan } from "./migrate.ts";
import { openPool } from "./pool.ts";
import { roleUrl, schemaOf } from "./roles.ts";

describe("migrations", () => {
  const roleSecret = randomBytes(32);
  let adminUrl: string;
  let folder: string;
  let plan: SchemaPlan;
  let count = 0;

  beforeEach(async () => {
    adminUrl = await testPostgresUrl();
    folder = await mkdtemp(join(tmpdir(), "matinee-migrations-"));
    count += 1;
    plan = {
      name: `migrated-${count}`,
      sets: [outboxMigrations, { source: "module", directory: pathToFileURL(`${folder}/`) }],
    };
    await write("0001_things.sql", "create table things (id int primary key); insert into things values (1);");
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (name: string, sql: string) => writeFile(join(folder, name), sql);
  const run = () => migrate({ adminUrl, roleSecret, plans: [plan], log: quietLog });
  const check = () => checkMigrations({ url: roleUrl(adminUrl, roleSecret, plan.name), plan });
  const refused = (part: RegExp) => (error: unknown) =>
    isAppError(error, "MIGRATION_REFUSED") && part.test(error.message);
  const open = () => openPool({ url: roleUrl(adminUrl, roleSecret, plan.name), name: plan.name, log: quietLog });

  it("make the role, its schema and its tables, and are applied once", async () => {
    await run();
    await run();
    await check();
    await using db = open();
    assert.deepEqual(await db.query("select current_user::text as role, current_schema()::text as schema"), [
      { role: `matinee_${schemaOf(plan.name)}`, schema: schemaOf(plan.name) },
    ]);
    assert.equal((await db.query("select from things")).length, 1);
    assert.equal((await db.query("select from outbox")).length, 0);
  });

  it("apply what is new, in order", async () => {
    await run();
    await write("0002_more.sql", "alter table things add column name text not null default 'x'");
    await write("0003_most.sql", "update things set name = 'y'");
    await assert.rejects(
      check(),
      (error) => isAppError(error, "MIGRATION_MISSING") && /0002_more.sql, 0003/.test(error.message),
    );
    await run();
    await check();
    await using db = open();
    assert.deepEqual(await db.query("select id, name from things"), [{ id: 1, name: "y" }]);
  });

  it("of a schema that was never migrated are reported as missing", async () => {
    const other = { name: plan.name, sets: [] };
    await migrate({ adminUrl, roleSecret, plans: [other], log: quietLog });
    await assert.rejects(check(), (error) => isAppError(error, "MIGRATION_MISSING"));
  });

  it("run from several processes at once are applied once", async () => {
    await Promise.all([run(), run(), run()]);
    await using db = open();
    assert.equal((await db.query("select from things")).length, 1);
  });

  it("leave nothing behind when a file fails, and name it", async () => {
    await write("0002_broken.sql", "create table half (id int); select broken from nowhere");
    await assert.rejects(
      run(),
      (error) => isAppError(error, "MIGRATION_FAILED") && /0002_broken.sql/.test(error.message),
    );
    await write("0002_broken.sql", "create table half (id int)");
    await run();
  });

  it("can run outside a transaction", async () => {
    await write(
      "0002_index.sql",
      "-- no-transaction\ncreate index concurrently if not exists things_id on things (id)",
    );
    await run();
    await check();
  });

  it("are refused when an applied file was changed, is gone or was overtaken", async () => {
    await write("0003_later.sql", "select 1");
    await run();
    await write("0002_between.sql", "select 1");
    await assert.rejects(run(), refused(/0002_between.sql was overtaken by 0003_later.sql/));
    await rm(join(folder, "0002_between.sql"));
    await write("0001_things.sql", "create table things (id bigint primary key)");
    await assert.rejects(run(), refused(/0001_things.sql was changed/));
    await rm(join(folder, "0001_things.sql"));
    await assert.rejects(run(), refused(/0001_things.sql was applied and is gone/));
    await assert.rejects(check(), refused(/0001_things.sql was applied and is gone/));
  });

  it("of the next release are left alone by this one", async () => {
    await write("0002_next.sql", "select 1");
    await run();
    await rm(join(folder, "0002_next.sql"));
    await run();
    await check();
  });

  it("are refused when a name or number makes their order unclear", async () => {
    await write("0001_again.sql", "select 1");
    await assert.rejects(run(), refused(/0001_things.sql is not named NNNN_what.sql with a new number/));
  });

  it("give a role its new password when the secret changes", async () => {
    await run();
    const other = randomBytes(32);
    await migrate({ adminUrl, roleSecret: other, plans: [plan], log: quietLog });
    await using db = openPool({ url: roleUrl(adminUrl, other, plan.name), name: "test", log: quietLog });
    await db.ping();
    await using old = open();
    await assert.rejects(old.query("select 1"));
  });

  it("let a role see its own schema only", async () => {
    const neighbour = { name: `${plan.name}-neighbour`, sets: plan.sets };
    await migrate({ adminUrl, roleSecret, plans: [plan, neighbour], log: quietLog });
    await using db = open();
    const denied = { code: "42501" };
    await assert.rejects(db.query(`select * from ${schemaOf(neighbour.name)}.things`), denied);
    await assert.rejects(db.query("create table public.mine (id int)"), denied);
    await assert.rejects(db.query(`set role matinee_${schemaOf(neighbour.name)}`), denied);
    await assert.rejects(db.query("create schema mine"), denied);
  });
});
