/** What a position in a title means. */

/** Where the credits are taken to begin, as part of the title, unless that leaves less than the shortest credits. */
const FINISHED_FRACTION = 0.95;
const MIN_CREDITS_MS = 10_000;
/** Less than this from the beginning is not worth resuming. */
const BARELY_BEGUN_MS = 5_000;

/** Watched up to the credits. */
export function isFinished(positionMs: number, durationMs: number): boolean {
  if (durationMs <= 0) return false;
  return (
    positionMs >= Math.min(durationMs * FINISHED_FRACTION, Math.max(durationMs - MIN_CREDITS_MS, durationMs * 0.5))
  );
}

/** Where to begin: at the start for what was finished or barely begun. */
export function resumePositionMs(
  point: { readonly positionMs: number; readonly isFinished: boolean } | undefined,
): number {
  return point === undefined || point.isFinished || point.positionMs < BARELY_BEGUN_MS ? 0 : point.positionMs;
}
