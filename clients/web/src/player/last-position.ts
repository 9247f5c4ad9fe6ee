/**
 * Where this tab left a film just now: the service hears of it as well, but learns it a moment later than the next
 * page or the reloaded one asks.
 */

import { forThisTab } from "@matinee/sdk/browser-storage";
import { nowMs } from "@matinee/sdk/clock";

const KEY = "matinee.position";
/** Later the service knows better: the film may have gone on elsewhere. */
const VALID_MS = 2 * 60_000;

interface LastPosition {
  readonly title: string;
  readonly account: string;
  readonly seconds: number;
  readonly atMs: number;
}

export function keepPosition(title: string, account: string, seconds: number): void {
  const position: LastPosition = { title, account, seconds, atMs: nowMs() };
  forThisTab.set(KEY, JSON.stringify(position));
}

/** Undefined where this tab did not leave this film just now. */
export function lastPosition(title: string, account: string): number | undefined {
  try {
    const position = JSON.parse(forThisTab.get(KEY) ?? "null") as LastPosition | null;
    const isThis = position?.title === title && position.account === account && Number.isFinite(position.seconds);
    return isThis && nowMs() - position.atMs < VALID_MS ? position.seconds : undefined;
  } catch {
    return undefined;
  }
}
