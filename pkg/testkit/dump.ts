/** Everything that the test database holds, as text, to look for what must not be in it. */

import { openPool } from "#pkg/postgres/pool";
import { quietLog, testPostgresUrl } from "./postgres.ts";

/** Every row of every schema of the process's test server; bytes are in hex. */
export async function dumpDatabase(): Promise<string> {
  await using db = openPool({ url: await testPostgresUrl(), name: "dump", log: quietLog });
  const tables = await db.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const rows = await db.query<{ line: string }>(`select t::text as line from ${name} t`);
    parts.push(name, ...rows.map(({ line }) => line));
  }
  return parts.join("\n");
}
