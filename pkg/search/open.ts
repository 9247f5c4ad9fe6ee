/** Opens the adapter of this port that a URL names. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import type { MigrationSet } from "#pkg/postgres/migrate";
import { errors } from "./errors.ts";
import type { SearchIndex } from "./search.ts";

/**
 * Opens `postgres:` (the database that the host gives, logged in as `matinee_port_search`; disposed with the index).
 * Throws `invalid_argument` for a scheme that no adapter has.
 */
export async function openSearchIndex(
  url: string,
  deps: { readonly postgres: () => Promise<Db>; readonly clock: Clock; readonly log: Logger },
): Promise<SearchIndex> {
  const { protocol } = new URL(url);
  switch (protocol) {
    case "postgres:": {
      const { openPostgresSearch } = await import("./postgres.ts");
      return openPostgresSearch({ db: await deps.postgres(), clock: deps.clock, log: deps.log });
    }
    default:
      throw errors.SEARCH_URL_UNKNOWN(protocol);
  }
}

/** What the host migrates as plan `{ name: "port-search", sets }` before it opens this URL; empty where nothing is kept in the host's database. */
export function migrationsFor(url: string): readonly MigrationSet[] {
  return url.startsWith("postgres:")
    ? [{ source: "search", directory: new URL("./migrations/", import.meta.url) }]
    : [];
}
