/** Background work that tells of rows whose newest version nobody was told of yet. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db, Tx } from "#pkg/postgres/db";
import { type BackgroundWork, looping } from "./loop.ts";

const BATCH = 50;
/** A hint may be lost with the connection that it was to come over. */
const LOOK_AGAIN_MS = 5_000;

/**
 * The rows are the truth: `tell` takes those that are behind, emits an event of each and marks them, in one transaction.
 * No writer of such a row has to think of it, two changes in a row are told once, and rows of an earlier release are told
 * at the first start. `channel` is where a trigger of the table hints at changes.
 */
export function announcing(
  name: string,
  deps: {
    readonly channel: string;
    readonly db: Db;
    readonly clock: Clock;
    readonly log: Logger;
    /** How many were told of, at most `limit`. */
    readonly tell: (tx: Tx, limit: number) => Promise<number>;
  },
): BackgroundWork {
  const { db, channel, tell } = deps;
  const work = async () => ((await db.tx((tx) => tell(tx, BATCH))) === BATCH ? "again" : LOOK_AGAIN_MS);
  return looping(name, work, { ...deps, listen: (wake, until) => db.listen(channel, wake, until) });
}
