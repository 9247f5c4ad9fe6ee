/** Forgets old notifications, a bounded number at a time. */

import type { Clock } from "#pkg/clock/clock";
import type { NotificationStore } from "./store/notification-store.ts";

const BATCH = 1000;
const PRUNE_EVERY_MS = 3_600_000;

/** Says `again` where there may be more, else in how many milliseconds to prune again. */
export async function prune(store: NotificationStore, clock: Clock, retentionMs: number): Promise<"again" | number> {
  const before = new Date(clock.now().getTime() - retentionMs);
  const counts = [await store.prune(before, BATCH), await store.pruneWaiting(before, BATCH)];
  return counts.includes(BATCH) ? "again" : PRUNE_EVERY_MS;
}
