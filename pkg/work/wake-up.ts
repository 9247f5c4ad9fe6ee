/** One waits, others say that there may be something to do. */

import type { Clock } from "#pkg/clock/clock";

/** Remembers a wake-up until it is reset, so that one that comes while work is being looked for is not lost. */
export class WakeUp {
  #isDue = false;
  #waiter: (() => void) | undefined;

  wake(): void {
    this.#isDue = true;
    this.#waiter?.();
  }

  reset(): void {
    this.#isDue = false;
  }

  /** Resolves after a wake-up, after `ms`, or on abort, whichever comes first. */
  async wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    if (this.#isDue || signal.aborted || ms <= 0) return;
    const done = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#waiter = resolve;
    });
    const slept = clock.sleep(ms, AbortSignal.any([signal, done.signal])).catch(() => undefined);
    await Promise.race([woken, slept]);
    this.#waiter = undefined;
    done.abort();
  }
}
