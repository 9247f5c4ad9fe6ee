/** Background work that is done again and again, and outlives an outage of what it needs. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";

/** Background work of a module: runs until the signal is aborted. */
export interface BackgroundWork {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/**
 * Does `work` at once and then `everyMs` after it ended. An error is logged when an outage begins, not at each try, and
 * the work goes on: what it did not do now it does next time.
 */
export function periodic(
  name: string,
  everyMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  deps: { readonly clock: Clock; readonly log: Logger },
): BackgroundWork {
  return {
    name,
    async run(signal) {
      let isFailing = false;
      while (!signal.aborted) {
        try {
          await work(signal);
          isFailing = false;
        } catch (err) {
          if (signal.aborted) return;
          if (!isFailing) deps.log.error({ err, work: name }, "background work failed; it is tried again");
          isFailing = true;
        }
        await deps.clock.sleep(everyMs, signal).catch(() => undefined);
      }
    },
  };
}
