/** Every background loop: does what there is to do, waits for a wake-up or for time, and outlives an outage. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { WakeUp } from "./wake-up.ts";

/** Background work of a module: runs until the signal is aborted. */
export interface BackgroundWork {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface LoopOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Hears that there may be work; ends with the signal. */
  readonly listen?: (wake: (payload: string) => void, signal: AbortSignal) => Promise<void>;
  /** True for payloads that concern this loop. Default: all. */
  readonly concerns?: (payload: string) => boolean;
}

const BACKOFF_MS = { first: 100, most: 5000 };

/**
 * `work` does what there is to do and says `again` where there is more, else in how many milliseconds to look again at
 * the latest. What it throws is logged once per outage and tried again. Ends when the signal is aborted and `work` has
 * ended.
 */
export function looping(
  name: string,
  work: (signal: AbortSignal) => Promise<"again" | number>,
  options: LoopOptions,
): BackgroundWork {
  const { clock, log } = options;
  return {
    name,
    async run(signal) {
      const wakeUp = new WakeUp();
      const listening = options.listen?.((payload) => {
        if (payload === "" || (options.concerns?.(payload) ?? true)) wakeUp.wake();
      }, signal);
      let backoffMs = 0;
      while (!signal.aborted) {
        let waitMs: number;
        try {
          wakeUp.reset();
          const next = await work(signal);
          if (backoffMs > 0) log.info({ name }, "background work goes on");
          backoffMs = 0;
          if (next === "again") continue;
          waitMs = next;
        } catch (error) {
          if (signal.aborted) break;
          if (backoffMs === 0) log.warn({ name, err: error }, "background work is interrupted; trying again");
          backoffMs = Math.min(Math.max(backoffMs * 2, BACKOFF_MS.first), BACKOFF_MS.most);
          waitMs = backoffMs;
          wakeUp.reset();
        }
        await wakeUp.wait(waitMs, clock, signal);
      }
      await listening;
    },
  };
}

/** Does `work` at once and then `everyMs` after it ended. */
export function periodic(
  name: string,
  everyMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  options: LoopOptions,
): BackgroundWork {
  const once = async (signal: AbortSignal) => {
    await work(signal);
    return everyMs;
  };
  return looping(name, once, options);
}
