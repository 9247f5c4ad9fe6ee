/** Shows that a wake-up arrives, which looking by time would hide. */

import { setTimeout as delay } from "node:timers/promises";
import { ManualClock } from "#pkg/clock/clock";

/** On it nobody looks by time. */
export function standingClock(): ManualClock {
  return new ManualClock(new Date());
}

/** Whoever works looks once as it starts and once as it begins to listen; the third time only a wake-up explains. */
const ROUNDS = 3;
/** By then whoever has worked has looked for more, and waits. */
const QUIET_MS = 100;
const ROUND_MS = 8_000;

/**
 * `round` makes work and waits until it is done, by whoever has a `standingClock`. Throws where it is not done: then
 * nobody was told of it.
 */
export async function wokenEachTime(round: (number: number) => Promise<unknown>): Promise<void> {
  for (let number = 1; number <= ROUNDS; number++) {
    await untilQuiet();
    const over = new AbortController();
    const late = delay(ROUND_MS, undefined, { signal: over.signal }).then(
      () => Promise.reject(new Error(`nobody was woken for round ${number}`)),
      () => undefined,
    );
    await Promise.race([round(number), late]).finally(() => over.abort());
  }
}

/** Resolves when whoever has started or worked has looked for more, and waits. */
export async function untilQuiet(): Promise<void> {
  await delay(QUIET_MS);
}
