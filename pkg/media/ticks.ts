/** Very many numbers, collected and sorted without ever holding up the event loop. */

import { setImmediate } from "node:timers/promises";

const RUN = 16_384;
/** Steps of simple arithmetic between two looks at what else there is to do: about a millisecond. */
export const BREATH = 131_072;

/** To be awaited every `BREATH` steps of a loop whose length comes from outside. */
export function breathe(): Promise<void> {
  return setImmediate();
}

export class Ticks {
  readonly #runs: Float64Array[] = [];
  #last = new Float64Array(RUN);
  #filled = 0;

  push(tick: number): void {
    this.#last[this.#filled++] = tick;
    if (this.#filled < RUN) return;
    this.#runs.push(this.#last.sort());
    this.#last = new Float64Array(RUN);
    this.#filled = 0;
  }

  /** All of them, rising. What is pushed afterwards is not among them. */
  async sorted(): Promise<Float64Array> {
    let runs = [...this.#runs, this.#last.slice(0, this.#filled).sort()];
    while (runs.length > 1) {
      const merged: Float64Array[] = [];
      for (let i = 0; i < runs.length; i += 2) {
        const [a, b] = [runs[i], runs[i + 1]];
        if (a !== undefined) merged.push(b === undefined ? a : await merge(a, b));
      }
      runs = merged;
    }
    return runs[0] ?? new Float64Array();
  }
}

async function merge(a: Float64Array, b: Float64Array): Promise<Float64Array> {
  const all = new Float64Array(a.length + b.length);
  // Nearly every film's packets come nearly in order.
  if ((a.at(-1) ?? 0) <= (b[0] ?? 0)) {
    all.set(a);
    await breathe();
    all.set(b, a.length);
    await breathe();
    return all;
  }
  let [i, j] = [0, 0];
  for (let k = 0; k < all.length; k++) {
    const left = a[i] ?? Number.POSITIVE_INFINITY;
    const right = b[j] ?? Number.POSITIVE_INFINITY;
    all[k] = Math.min(left, right);
    if (left <= right) i++;
    else j++;
    if (k % BREATH === BREATH - 1) await breathe();
  }
  await breathe();
  return all;
}
