/** Time and identity as dependencies, so that tests own both. */

import { v5 as uuidv5, v7 as uuidv7 } from "uuid";

/** The only source of the current time outside this file's `systemClock`. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** A clock that moves only when a test says so. */
export class ManualClock implements Clock {
  #nowMs: number;
  #sleepers: { readonly dueMs: number; readonly wake: () => void }[] = [];

  constructor(start: Date) {
    this.#nowMs = start.getTime();
  }

  now(): Date {
    return new Date(this.#nowMs);
  }

  /** Moves time forward and wakes every sleeper that is due. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.dueMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.dueMs > this.#nowMs);
    for (const sleeper of due) sleeper.wake();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      this.#sleepers.push({ dueMs: this.#nowMs + ms, wake: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}

/** A new id: UUIDv7 (RFC 9562), so that rows made later sort later. */
export function newId(): string {
  return uuidv7();
}

/** The id of a name within the space of another id, the same one every time: UUIDv5 (RFC 9562), so never one of `newId`. */
export function derivedId(space: string, name: string): string {
  return uuidv5(name, space);
}
