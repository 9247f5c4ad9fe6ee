/** Fills the search index anew from the titles: where it is not the one that was filled, or where an operator asks. */

import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { SearchDocument, SearchIndex } from "#pkg/search/search";
import { type FilledIndex, type RebuildReason, rebuildReason } from "./domain/filled-index.ts";
import type { CatalogEvents } from "./events.ts";
import { TITLE_INDEX, writesOf } from "./indexer.ts";
import type { IndexStore } from "./store/index-store.ts";
import type { TitleStore } from "./store/title-store.ts";

const PAGE = 100;
/** An index that was lost, or a wish of an operator, is found after at most this long. */
const LOOK_AGAIN_MS = 1_000;
const TELL_EVERY_MS = 10_000;

export class Rebuilding {
  readonly #titles: TitleStore;
  readonly #index: IndexStore;
  readonly #search: SearchIndex;
  readonly #events: CatalogEvents;
  readonly #clock: Clock;

  constructor(deps: {
    readonly titles: TitleStore;
    readonly index: IndexStore;
    readonly search: SearchIndex;
    readonly events: CatalogEvents;
    readonly clock: Clock;
  }) {
    this.#titles = deps.titles;
    this.#index = deps.index;
    this.#search = deps.search;
    this.#events = deps.events;
    this.#clock = deps.clock;
  }

  /** Undefined before the first rebuild. */
  find(): Promise<FilledIndex | undefined> {
    return this.#index.find();
  }

  /** Has the index rebuilt soon; one that is wanted or runs already is the one. */
  async want(): Promise<FilledIndex | undefined> {
    await this.#index.want();
    return this.#index.find();
  }

  /** Rebuilds the index where there is a reason to; in how many milliseconds to look again. */
  async rebuildIfNeeded(signal: AbortSignal): Promise<number> {
    const filled = await this.#index.find();
    const answering = await this.#search.ensureIndex(TITLE_INDEX);
    const reason = rebuildReason(filled, answering);
    if (reason !== undefined) await this.#rebuild(reason, signal);
    // whoever filled it died before it could say so, or is about to say it
    else if (filled?.endedAt === undefined) await this.#index.end(answering.id, this.#clock.now());
    return LOOK_AGAIN_MS;
  }

  async #rebuild(reason: RebuildReason, signal: AbortSignal): Promise<void> {
    try {
      const from = this.#clock.now();
      const generation = await this.#search.rebuild(TITLE_INDEX, (begun) => this.#documents(begun, reason, signal));
      const now = this.#clock.now();
      await this.#index.end(generation, now);
      this.#events.indexRebuilt(generation, reason, now.getTime() - from.getTime());
    } catch (error) {
      // another process is at it
      if (isAppError(error, "SEARCH_REBUILD_RUNNING") || isAppError(error, "SEARCH_REBUILD_LOST")) return;
      if (!signal.aborted) this.#events.indexNotRebuilt(reason);
      throw error;
    }
  }

  /** Remembers the generation before it is whole: where the index answers with it, it is. */
  async *#documents(
    generation: string,
    reason: RebuildReason,
    signal: AbortSignal,
  ): AsyncGenerator<readonly SearchDocument[]> {
    const total = await this.#titles.count();
    await this.#index.begin(generation, reason, total, this.#clock.now());
    this.#events.indexRebuildBegan(generation, reason, total);
    let done = 0;
    let toldAtMs = this.#clock.now().getTime();
    for (let after: string | undefined; ; ) {
      signal.throwIfAborted();
      const page = await this.#titles.listById(PAGE, after);
      const { shown, hidden } = writesOf(page);
      // a write that was on its way when the title was hidden must not bring it back, also not into an index that lost its memory
      if (hidden.length > 0) await this.#search.remove(TITLE_INDEX, hidden);
      yield shown;
      done += page.length;
      await this.#index.progress(generation, done);
      const nowMs = this.#clock.now().getTime();
      if (nowMs - toldAtMs >= TELL_EVERY_MS) {
        this.#events.indexIsRebuilt(generation, done, total);
        toldAtMs = nowMs;
      }
      after = page.at(-1)?.id;
      if (page.length < PAGE) return;
    }
  }
}
