/** What must happen by time: uploads expire, and blobs that nobody needs are removed. */

import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { blobPrefix, originalKey } from "./domain/asset.ts";
import type { PurgeStore } from "./store/purge-store.ts";
import type { Uploads } from "./uploads.ts";

export interface SweepOptions {
  readonly uploads: Uploads;
  readonly purges: PurgeStore;
  readonly originals: BlobStore;
  readonly clock: Clock;
  readonly log: Logger;
}

const BATCH = 50;
const SWEEP_MS = 5000;
/** How long a removal that failed waits, so that the others are not held up by it. */
const POSTPONE_MS = 30_000;

/** Sweeps a batch. Says `again` where there is more, else in how many milliseconds to sweep again. */
export async function sweep(options: SweepOptions): Promise<"again" | number> {
  const { uploads, purges, originals, clock, log } = options;
  const expired = await uploads.expire(BATCH);
  const due = await purges.due(clock.now(), BATCH);
  for (const purge of due) {
    const from = clock.now();
    try {
      if (purge.multipartId !== undefined) {
        await originals.abortMultipart(originalKey(purge.assetId), purge.multipartId);
      }
      await originals.deletePrefix(blobPrefix(purge.assetId));
    } catch (error) {
      log.warn({ assetId: purge.assetId, err: error }, "blobs could not be removed; trying again");
      await purges.postpone(purge, new Date(from.getTime() + POSTPONE_MS));
      continue;
    }
    await purges.done(purge, from);
  }
  if (expired === BATCH || due.length === BATCH) return "again";
  const next = [await purges.nextDue(), await uploads.nextExpiry()].filter((date) => date !== undefined);
  const nowMs = clock.now().getTime();
  return Math.min(SWEEP_MS, ...next.map((date) => Math.max(10, date.getTime() - nowMs)));
}
