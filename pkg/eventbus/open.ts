/** Opens the adapter of this port that a URL names. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import type { MigrationSet } from "#pkg/postgres/migrate";
import { errors } from "./errors.ts";
import type { EventBus } from "./eventbus.ts";

/**
 * Opens `postgres:` (the database that the host gives, logged in as `matinee_port_eventbus`; disposed with the bus).
 * `?routing=verify` leaves the routes as `migrate` has made them, and starts no consumer without them. Throws `invalid_argument` for a scheme that no adapter has.
 */
export async function openEventBus(
  url: string,
  deps: { readonly postgres: () => Promise<Db>; readonly clock: Clock; readonly log: Logger },
): Promise<EventBus> {
  const { protocol, searchParams } = new URL(url);
  switch (protocol) {
    case "postgres:": {
      const routing = searchParams.get("routing") ?? "own";
      if (routing !== "own" && routing !== "verify") throw errors.EVENTBUS_URL_UNKNOWN(`postgres:?routing=${routing}`);
      const { openPostgresEventBus } = await import("./postgres.ts");
      return openPostgresEventBus({ db: await deps.postgres(), clock: deps.clock, log: deps.log, routing });
    }
    default:
      throw errors.EVENTBUS_URL_UNKNOWN(protocol);
  }
}

/** What the host migrates as plan `{ name: "port-eventbus", sets }` before it opens this URL; empty where nothing is kept in the host's database. */
export function migrationsFor(url: string): readonly MigrationSet[] {
  return url.startsWith("postgres:")
    ? [{ source: "eventbus", directory: new URL("./migrations/", import.meta.url) }]
    : [];
}
