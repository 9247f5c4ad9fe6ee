/** Wakes waiting workers: hints through the queue, so that a task made ready in one process is begun in another. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Queue } from "#pkg/queue/queue";
import type { TaskPriority } from "./domain/job.ts";

export interface HintsOptions {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One queue for each priority class, so that each has its own depth to look at. */
const QUEUES: Readonly<Record<TaskPriority, string>> = { 0: "transcode-urgent", 1: "transcode-main" };
const RECEIVE_SECONDS = 20;
const VISIBILITY_SECONDS = 30;
const PAUSE_MS = 1_000;
/** More hints than this many workers could follow at once are noise. */
const MAX_HINTS = 16;

/** A place in the waiting room; take it before looking at the rows, so that no hint falls in between. */
export interface Waiting extends Disposable {
  /** Resolves at the next hint since this place was taken, after `ms`, or at the signal's abort. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export class Hints {
  readonly #options: HintsOptions;
  readonly #waiting = new Set<() => void>();
  readonly #idle = new Set<() => void>();

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  /** Says that `count` tasks of the priority are ready, in `delayMs`. Never throws: the rows are swept as well. */
  tell(priority: TaskPriority, count: number, delayMs = 0): void {
    if (count <= 0) return;
    if (delayMs === 0) this.#wakeAll();
    const { queue, log } = this.#options;
    queue
      .sendMany(QUEUES[priority], Array(Math.min(count, MAX_HINTS)).fill("ready"), {
        delaySeconds: Math.ceil(delayMs / 1000),
      })
      .catch((err: unknown) => log.warn({ err, priority }, "hints were not sent"));
  }

  /** Takes a place in the waiting room. */
  enter(): Waiting {
    let rung = false;
    let resolve = () => {};
    const ring = () => {
      rung = true;
      resolve();
    };
    this.#waiting.add(ring);
    for (const resume of this.#idle) resume();
    return {
      wait: (ms, signal) =>
        new Promise<void>((done) => {
          const timer = setTimeout(() => resolve(), ms);
          resolve = () => {
            clearTimeout(timer);
            signal.removeEventListener("abort", resolve);
            rung = false;
            done();
          };
          signal.addEventListener("abort", resolve, { once: true });
          if (rung || signal.aborted) resolve();
        }),
      [Symbol.dispose]: () => {
        this.#waiting.delete(ring);
      },
    };
  }

  /** Takes hints from the queues while anyone waits. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Object.values(QUEUES).map((name) => this.#receive(name, signal)));
  }

  async #receive(name: string, signal: AbortSignal): Promise<void> {
    const { queue, clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#someoneWaits(signal);
        const messages = await queue.receive(name, {
          max: 1,
          waitSeconds: RECEIVE_SECONDS,
          visibilitySeconds: VISIBILITY_SECONDS,
          signal,
        });
        await queue.ackMany(name, messages);
        if (messages.length > 0) this.#wakeAll();
      } catch (err) {
        if (signal.aborted) return;
        log.warn({ err, queue: name }, "hints cannot be received");
        await clock.sleep(PAUSE_MS, signal).catch(() => {});
      }
    }
  }

  async #someoneWaits(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size > 0) return;
    await new Promise<void>((resolve) => {
      const resume = () => {
        this.#idle.delete(resume);
        resolve();
      };
      this.#idle.add(resume);
      signal.addEventListener("abort", resume, { once: true });
      if (signal.aborted) resume();
    });
  }

  #wakeAll(): void {
    for (const ring of this.#waiting) ring();
  }
}
