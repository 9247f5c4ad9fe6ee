/** Opens the adapter of this port that a URL names. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import type { MigrationSet } from "#pkg/postgres/migrate";
import { errors } from "./errors.ts";
import type { Queue } from "./queue.ts";

/**
 * Opens `postgres:` (the database that the host gives, logged in as `matinee_port_queue`; disposed with the queue), or
 * `sqs:PREFIX`: Amazon SQS, whose standard queues, of names that begin with the prefix, are there already; region, endpoint
 * and credentials are what the AWS SDK finds in the environment, in its files or in the machine's role.
 * Throws `invalid_argument` for a scheme that no adapter has.
 */
export async function openQueue(
  url: string,
  deps: { readonly postgres: () => Promise<Db>; readonly clock: Clock; readonly log: Logger },
): Promise<Queue> {
  const { protocol } = new URL(url);
  switch (protocol) {
    case "postgres:": {
      const { openPostgresQueue } = await import("./postgres.ts");
      return openPostgresQueue({ db: await deps.postgres(), clock: deps.clock });
    }
    case "sqs:": {
      const { openSqsQueue } = await import("./sqs.ts");
      return openSqsQueue({ url, clock: deps.clock });
    }
    default:
      throw errors.QUEUE_URL_UNKNOWN(protocol);
  }
}

/** What the host migrates as plan `{ name: "port-queue", sets }` before it opens this URL; empty where nothing is kept in the host's database. */
export function migrationsFor(url: string): readonly MigrationSet[] {
  return url.startsWith("postgres:") ? [{ source: "queue", directory: new URL("./migrations/", import.meta.url) }] : [];
}
