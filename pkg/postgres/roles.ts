/** Login roles and schemas: one of each per module or port, with passwords derived from one secret. */

import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import pg from "pg";

/** Extensions that any schema may use; PostgreSQL marks them trusted. They lie in the schema `extensions`. */
const EXTENSIONS = ["pg_trgm", "unaccent", "fuzzystrmatch", "btree_gist"];

/** `transcode-worker` has role `matinee_transcode_worker` and schema `transcode_worker`. */
export function roleOf(name: string): string {
  return `matinee_${schemaOf(name)}`;
}

/** The schema of a module or, as `port-queue`, of a port's embedded adapter. */
export function schemaOf(name: string): string {
  const schema = name.replaceAll("-", "_");
  if (!/^[a-z][a-z0-9_]{0,54}$/.test(schema)) throw new Error(`not a name for a schema: ${name}`);
  return schema;
}

/** The URL that logs `name`'s role in to the server that `adminUrl` points to. */
export function roleUrl(adminUrl: string, roleSecret: Uint8Array, name: string): string {
  const url = new URL(adminUrl);
  const role = roleOf(name);
  url.username = role;
  url.password = passwordOf(role, roleSecret);
  return url.toString();
}

/** Makes what all schemas share: nobody but their owner sees `public`, and the extensions are there. */
export async function prepareDatabase(admin: pg.Client): Promise<void> {
  const found = await admin.query<{ ready: boolean }>(
    "select (select count(*) from pg_extension where extname = any($1)) = $2 as ready",
    [EXTENSIONS, EXTENSIONS.length],
  );
  if (found.rows[0]?.ready) return;
  await admin.query("create schema if not exists extensions");
  await admin.query("grant usage on schema extensions to public");
  for (const extension of EXTENSIONS) {
    await admin.query(`create extension if not exists ${pg.escapeIdentifier(extension)} schema extensions`);
  }
  await admin.query("revoke all on schema public from public");
}

/** Makes the role able to log in with its derived password and owner of its schema, and of nothing else. */
export async function prepareRole(admin: pg.Client, name: string, roleSecret: Uint8Array): Promise<void> {
  const role = pg.escapeIdentifier(roleOf(name));
  const schema = pg.escapeIdentifier(schemaOf(name));
  const password = passwordOf(roleOf(name), roleSecret);
  // says whether the password is the current one, without which each start would rewrite every role
  const mark = `password ${createHash("sha256").update(password).digest("base64url").slice(0, 16)}`;
  const found = await admin.query<{ mark: string | null; schema: boolean }>(
    `select shobj_description(oid, 'pg_authid') as mark,
            exists (select from pg_namespace where nspname = $2 and nspowner = r.oid) as schema
     from pg_roles r where rolname = $1`,
    [roleOf(name), schemaOf(name)],
  );
  if (found.rows[0]?.mark === mark && found.rows[0].schema) return;
  if (found.rows.length === 0) await admin.query(`create role ${role} login noinherit`);
  await admin.query(`alter role ${role} password ${pg.escapeLiteral(await scramVerifier(password))}`);
  await admin.query(`alter role ${role} set search_path = ${schema}, extensions`);
  // an administrator who is no superuser (Aurora) may hand over a schema only to a role that it can become
  await admin.query(`grant ${role} to current_user`);
  await admin.query(`create schema if not exists ${schema} authorization ${role}`);
  await admin.query(`comment on role ${role} is ${pg.escapeLiteral(mark)}`);
}

function passwordOf(role: string, roleSecret: Uint8Array): string {
  return createHmac("sha256", roleSecret).update(role).digest("base64url");
}

/** RFC 5803 in PostgreSQL's notation: the password itself never reaches the server or its log. */
async function scramVerifier(password: string): Promise<string> {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = await promisify(pbkdf2)(password, salt, iterations, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${hmac("Server Key").toString("base64")}`;
}
