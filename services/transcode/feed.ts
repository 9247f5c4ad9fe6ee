/** Live views of jobs: one look at the rows for all who watch in this process, however many tabs they have open. */

import type { Clock } from "#pkg/clock/clock";
import { hasEnded } from "./domain/job.ts";
import type { JobView } from "./domain/progress.ts";
import { isInScope, type Scope } from "./jobs.ts";
import type { ViewStore } from "./store/view-store.ts";

export interface FeedOptions {
  readonly views: ViewStore;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly keepAliveMs: number;
}

interface Watcher {
  /** Empty: all in the scope that have not ended. */
  readonly ids: ReadonlySet<string>;
  readonly scope: Scope;
  /** What each job looked like when it was last sent; a job stays until its end was sent. */
  readonly sent: Map<string, string>;
}

interface Look {
  readonly views: readonly JobView[];
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #watchers = new Set<Watcher>();
  #next: Promise<Look> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /**
   * Each job as it is now and again after each change, and undefined as a sign of life. Ends with the last of the
   * named jobs, or at the signal's abort.
   */
  async *watch(ids: readonly string[], scope: Scope, signal: AbortSignal): AsyncGenerator<JobView | undefined> {
    const { clock, keepAliveMs } = this.#options;
    const watcher: Watcher = { ids: new Set(ids), scope, sent: new Map() };
    this.#watchers.add(watcher);
    const ended = new Set<string>();
    try {
      let aliveAtMs = clock.now().getTime();
      let look = await this.#look();
      while (!signal.aborted) {
        const known = new Set<string>();
        for (const view of look.views) {
          const { id, state } = view.job;
          if (!this.#isWanted(watcher, view)) continue;
          known.add(id);
          const print = fingerprint(view);
          if (watcher.sent.get(id) === print) continue;
          if (hasEnded(state)) {
            watcher.sent.delete(id);
            if (ended.has(id)) continue;
            ended.add(id);
          } else {
            ended.delete(id);
            watcher.sent.set(id, print);
          }
          aliveAtMs = clock.now().getTime();
          yield view;
        }
        // A name that leads nowhere will never end by itself.
        if (ids.length > 0 && ids.every((id) => ended.has(id) || !known.has(id))) return;
        if (clock.now().getTime() - aliveAtMs >= keepAliveMs) {
          aliveAtMs = clock.now().getTime();
          yield undefined;
        }
        look = await this.#nextLook(signal);
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  #isWanted(watcher: Watcher, { job }: JobView): boolean {
    if (!isInScope(job, watcher.scope)) return false;
    return watcher.ids.size > 0 ? watcher.ids.has(job.id) : watcher.sent.has(job.id) || !hasEnded(job.state);
  }

  /** The look that all watchers wait for together. */
  async #nextLook(signal: AbortSignal): Promise<Look> {
    const { clock, intervalMs } = this.#options;
    this.#next ??= clock.sleep(intervalMs).then(() => {
      this.#next = undefined;
      return this.#look();
    });
    return Promise.race([this.#next, aborted(signal)]);
  }

  async #look(): Promise<Look> {
    const { views, clock } = this.#options;
    const watchers = [...this.#watchers];
    const ids = new Set(watchers.flatMap(({ ids, sent }) => [...ids, ...sent.keys()]));
    const open = watchers.some((watcher) => watcher.ids.size === 0) ? "with-open" : "named-only";
    return { views: await views.watched([...ids], open, clock.now()) };
  }
}

function aborted(signal: AbortSignal): Promise<Look> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve({ views: [] });
    signal.addEventListener("abort", () => resolve({ views: [] }), { once: true });
  });
}

function fingerprint({ job, progress, renditions, waiting }: JobView): string {
  return JSON.stringify([job.version, progress, waiting, renditions.map(({ state, percent }) => [state, percent])]);
}
