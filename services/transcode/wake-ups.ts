/** Wakes waiting workers: messages through the queue, so that a task made ready in one process is begun in another. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Queue } from "#pkg/queue/queue";
import type { WakeUp } from "#pkg/work/wake-up";
import type { TaskPriority } from "./domain/job.ts";

export interface WakeUpsOptions {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One queue for each priority class, so that each has its own depth to look at. */
const QUEUES: Readonly<Record<TaskPriority, string>> = { 0: "transcode-urgent", 1: "transcode-main" };
const RECEIVE_SECONDS = 20;
const VISIBILITY_SECONDS = 30;
const PAUSE_MS = 1_000;
/** More messages than this many workers could follow at once are noise. */
const MAX_WAKE_UPS = 16;

export class WakeUps {
  readonly #options: WakeUpsOptions;
  readonly #waiting = new Set<WakeUp>();
  readonly #idle = new Set<() => void>();

  constructor(options: WakeUpsOptions) {
    this.#options = options;
  }

  /** Says that `count` tasks of the priority are ready, in `delayMs`. Never throws: the rows are swept as well. */
  send(priority: TaskPriority, count: number, delayMs = 0): void {
    if (count <= 0) return;
    if (delayMs === 0) this.#wakeAll();
    const { queue, log } = this.#options;
    queue
      .sendMany(QUEUES[priority], Array(Math.min(count, MAX_WAKE_UPS)).fill("ready"), {
        delaySeconds: Math.ceil(delayMs / 1000),
      })
      .catch((err: unknown) => log.warn({ err, priority }, "wake-ups were not sent"));
  }

  /** Wakes `waiting` at every message until it is disposed of; enter before looking at the rows. */
  enter(waiting: WakeUp): Disposable {
    this.#waiting.add(waiting);
    for (const resume of this.#idle) resume();
    return { [Symbol.dispose]: () => void this.#waiting.delete(waiting) };
  }

  /** Takes messages from the queues while anyone waits. */
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
        log.warn({ err, queue: name }, "wake-ups cannot be received");
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
    for (const waiting of this.#waiting) waiting.wake();
  }
}
