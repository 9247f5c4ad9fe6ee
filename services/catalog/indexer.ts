/** Keeps the search index level with the titles: rows are the truth, the index follows. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { SearchDocument, SearchIndex } from "#pkg/search/search";
import { languagesOf, searchBodyOf, type Title } from "./domain/title.ts";
import type { TitleStore } from "./store/title-store.ts";

/** The search index of titles. */
export const TITLE_INDEX = "titles";

const BATCH = 100;
/** A write by another process is found after at most this long; this process wakes the indexer itself. */
const POLL_MS = 1_000;

export class Indexer {
  readonly #store: TitleStore;
  readonly #search: SearchIndex;
  readonly #clock: Clock;
  readonly #log: Logger;
  #wake: (() => void) | undefined;

  constructor(deps: {
    readonly store: TitleStore;
    readonly search: SearchIndex;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#store = deps.store;
    this.#search = deps.search;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** There may be something to do now. */
  wake(): void {
    this.#wake?.();
  }

  /** Runs until the signal is aborted; an index that is away is tried again, and searches find what it had. */
  async run(signal: AbortSignal): Promise<void> {
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await this.#search.ensureIndex(TITLE_INDEX);
        while ((await this.#indexBatch()) === BATCH && !signal.aborted);
        isFailing = false;
      } catch (err) {
        if (!isFailing) this.#log.error({ err }, "search index cannot follow the titles");
        isFailing = true;
      }
      await this.#idle(signal);
    }
  }

  async #indexBatch(): Promise<number> {
    const titles = await this.#store.listToIndex(BATCH);
    const { shown, hidden } = writesOf(titles);
    if (shown.length > 0) await this.#search.put(TITLE_INDEX, shown);
    if (hidden.length > 0) await this.#search.remove(TITLE_INDEX, hidden);
    if (titles.length > 0) await this.#store.markIndexed(titles);
    return titles.length;
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#clock.sleep(POLL_MS, AbortSignal.any([signal, woken.signal])).catch(() => undefined);
    this.#wake = undefined;
  }
}

/** What the index is to hold of the titles, and what it is not to. */
export function writesOf(titles: readonly Title[]): {
  readonly shown: readonly SearchDocument[];
  readonly hidden: readonly Title[];
} {
  return {
    shown: titles.filter(({ state }) => state === "published").map(documentOf),
    hidden: titles.filter(({ state }) => state !== "published"),
  };
}

function documentOf(title: Title): SearchDocument {
  return {
    id: title.id,
    version: title.version,
    title: title.displayTitle,
    body: searchBodyOf(title).slice(0, 100_000),
    facets: { genre: title.genres, language: languagesOf(title) },
  };
}
