/** Out of space, told apart from failure: nothing is wrong with the work, and it goes on once somebody has made room. */

import { defineErrors, isAppError } from "./errors.ts";

/** No room on the device; the quota is used up; PostgreSQL's disk_full (SQLSTATE). */
const CODES = new Set(["ENOSPC", "EDQUOT", "53100"]);
/** People make room in minutes; a file that was in the way may go in seconds. */
const RETRY_AFTER_MS = 10_000;
/** An error that is its own cause must not hold us for ever. */
const MAX_CAUSES = 8;

export const errors = defineErrors({
  OUT_OF_SPACE: [
    "resource_exhausted",
    (what: string, cause?: unknown) => ({
      message: `There is no room left in ${what}. Work goes on by itself once there is.`,
      metadata: { what },
      retryAfterMs: RETRY_AFTER_MS,
      cause,
    }),
  ],
});

/**
 * The error of whatever found no room. `what` names it for the operator and completes "There is no room left in ..",
 * such as "the originals store"; it is sent to callers, so never a path.
 */
export const outOfSpace = errors.OUT_OF_SPACE;

/** True for `outOfSpace`, also from another process, and for what the system or the database threw for want of room. */
export function isOutOfSpace(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    if (isAppError(current, "OUT_OF_SPACE")) return true;
    if ("code" in current && typeof current.code === "string" && CODES.has(current.code)) return true;
    current = current.cause;
  }
  return false;
}
