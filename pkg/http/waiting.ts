/**
 * What callers who do not read may hold of our memory. Each of them holds at most one chunk and what the system buffers,
 * but one connection carries many answers: together they are bounded, and whoever has waited longest goes first when the
 * bound is reached. Those who read, however slowly, never wait for long.
 */

export interface Waiting {
  /** Answers that wait hold at most so many bytes together. */
  readonly maxBytes: number;
  /** Counts an answer that waits for its caller, until disposed; `cut` is called when it must go. */
  add(bytes: number, cut: () => void): Disposable;
}

export function newWaiting(maxBytes: number): Waiting {
  // In the order in which they began to wait.
  const all = new Set<{ readonly bytes: number; readonly cut: () => void }>();
  let held = 0;
  return {
    maxBytes,
    add(bytes, cut) {
      // Whoever waits in line holds nothing, and nothing is won by cutting it off.
      if (bytes === 0) return { [Symbol.dispose]: () => {} };
      const one = { bytes, cut };
      all.add(one);
      held += bytes;
      const remove = (other: typeof one) => {
        if (all.delete(other)) held -= other.bytes;
      };
      for (const oldest of all) {
        if (held <= maxBytes) break;
        remove(oldest);
        oldest.cut();
      }
      return { [Symbol.dispose]: () => remove(one) };
    },
  };
}
