/** Looks by time for what events and messages should have brought: expired leases, lost wake-ups, files to remove. */

import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Clock } from "#pkg/clock/clock";
import type { TranscodeEvents } from "./events.ts";
import type { Planning } from "./planning.ts";
import type { JobStore } from "./store/job-store.ts";
import type { TaskStore } from "./store/task-store.ts";
import type { Tasks } from "./tasks.ts";
import type { WakeUps } from "./wake-ups.ts";

export interface SweepsOptions {
  readonly jobs: JobStore;
  readonly taskStore: TaskStore;
  readonly tasks: Tasks;
  readonly planning: Planning;
  readonly wakeUps: WakeUps;
  readonly events: TranscodeEvents;
  readonly mezzanine: BlobStore;
  readonly clock: Clock;
  readonly wakeUpAfterMs: number;
}

const BATCH = 50;
/** Nobody reads the spans of a job that succeeded; a minute is for a worker that has not heard of it. */
const SPANS_KEPT_MS = 60_000;
const WORKER_FORGOTTEN_MS = 24 * 3_600_000;

export class Sweeps {
  readonly #options: SweepsOptions;

  constructor(options: SweepsOptions) {
    this.#options = options;
  }

  /** One sweep; what it does not reach is reached by the next. */
  async sweep(): Promise<void> {
    const { taskStore, tasks, wakeUps, events, clock, wakeUpAfterMs } = this.#options;
    const now = clock.now();
    for (const expired of await taskStore.findExpired(now, BATCH)) await tasks.expire(expired);
    const before = new Date(now.getTime() - wakeUpAfterMs);
    for (const { priority, count } of await taskStore.takeOverdue(before, now, BATCH)) wakeUps.send(priority, count);
    const ready = new Map((await taskStore.countReady()).map(({ priority, count }) => [priority, count]));
    for (const priority of [0, 1] as const) events.tasksWaiting(priority, ready.get(priority) ?? 0);
    events.tasksWithoutRoom(await taskStore.countWaiting());
    await this.#removeDeleted(now);
    await this.#removeSpans(now);
    await taskStore.forgetWorkers(new Date(now.getTime() - WORKER_FORGOTTEN_MS));
  }

  async #removeDeleted(now: Date): Promise<void> {
    const { jobs, planning } = this.#options;
    for (const assetId of await jobs.findPurges(now, BATCH)) {
      await planning.purge(assetId);
      await jobs.setPurged(assetId);
    }
  }

  async #removeSpans(now: Date): Promise<void> {
    const { jobs, mezzanine, clock } = this.#options;
    for (const { id } of await jobs.findWithSpans(new Date(now.getTime() - SPANS_KEPT_MS), BATCH)) {
      for (const key of await jobs.spanKeys(id)) await mezzanine.delete(key);
      await jobs.setSpansRemoved(id, clock.now());
    }
  }
}
