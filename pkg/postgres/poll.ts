/** The loop of everything that waits for rows: wakes on a hint or by time, survives outages, ends at once on abort. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";

export interface PollOptions {
  /** For the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Hints that there may be work; ends with the signal. */
  readonly listen?: (wake: (payload: string) => void, signal: AbortSignal) => Promise<void>;
  /** Does what there is to do. Says `again` where there is more, else in how many milliseconds to look again at the latest. */
  readonly work: () => Promise<"again" | number>;
  /** True for payloads that concern this loop. Default: all. */
  readonly concerns?: (payload: string) => boolean;
}

const BACKOFF_MS = { first: 100, most: 5000 };

/** Resolves when the signal is aborted and `work` has ended. What `work` throws is logged once per outage and tried again. */
export async function pollUntilAborted(options: PollOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, name } = options;
  const bell = new Bell();
  const listening = options.listen?.((payload) => {
    if (payload === "" || (options.concerns?.(payload) ?? true)) bell.ring();
  }, signal);
  let backoffMs = 0;
  while (!signal.aborted) {
    let waitMs: number;
    try {
      bell.reset();
      const next = await options.work();
      if (backoffMs > 0) log.info({ name }, "background work goes on");
      backoffMs = 0;
      if (next === "again") continue;
      waitMs = next;
    } catch (error) {
      if (signal.aborted) break;
      if (backoffMs === 0) log.warn({ name, err: error }, "background work is interrupted; trying again");
      backoffMs = Math.min(Math.max(backoffMs * 2, BACKOFF_MS.first), BACKOFF_MS.most);
      waitMs = backoffMs;
      bell.reset();
    }
    await bell.wait(waitMs, clock, signal);
  }
  await listening;
}

/** Remembers a ring until it is reset, so that a hint that comes while work is being looked for is not lost. */
export class Bell {
  #rung = false;
  #waiter: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#waiter?.();
  }

  reset(): void {
    this.#rung = false;
  }

  /** Resolves after a ring, after `ms`, or on abort, whichever comes first. */
  async wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    if (this.#rung || signal.aborted || ms <= 0) return;
    const done = new AbortController();
    const rang = new Promise<void>((resolve) => {
      this.#waiter = resolve;
    });
    const slept = clock.sleep(ms, AbortSignal.any([signal, done.signal])).catch(() => undefined);
    await Promise.race([rang, slept]);
    this.#waiter = undefined;
    done.abort();
  }
}
