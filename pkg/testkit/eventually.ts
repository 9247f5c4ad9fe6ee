/** Waits for what becomes true by itself, instead of sleeping for as long as it might take. */

import { setTimeout as delay } from "node:timers/promises";

/** Calls `probe` until it returns something other than undefined or false. Throws what it last threw, or `what`, after 25 s. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const giveUpAt = performance.now() + 25_000;
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 200)) {
    let failure: unknown = new Error(`did not happen: ${what}`);
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > giveUpAt) throw failure;
    await delay(waitMs);
  }
}
