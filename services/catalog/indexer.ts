/** Keeps the search index level with the titles: rows are the truth, the index follows. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { SearchDocument, SearchIndex } from "#pkg/search/search";
import { type BackgroundWork, looping } from "#pkg/work/loop";
import { languagesOf, searchBodyOf, type Title } from "./domain/title.ts";
import type { TitleStore } from "./store/title-store.ts";

/** The search index of titles. */
export const TITLE_INDEX = "titles";

const BATCH = 100;
/** A write by another process is found after at most this long; this process wakes the indexer itself. */
const POLL_MS = 1_000;

export class Indexer {
  readonly #store: TitleStore;
  readonly #search: Pick<SearchIndex, "ensureIndex" | "put" | "remove">;
  #wake: () => void = () => undefined;

  constructor(deps: {
    readonly store: TitleStore;
    readonly search: Pick<SearchIndex, "ensureIndex" | "put" | "remove">;
  }) {
    this.#store = deps.store;
    this.#search = deps.search;
  }

  /** There may be something to do now. */
  wake(): void {
    this.#wake();
  }

  /** An index that is away is tried again, and searches find what it had. */
  background(options: { readonly clock: Clock; readonly log: Logger }): BackgroundWork {
    return looping("indexer", () => this.#index(), {
      ...options,
      listen: async (wake) => {
        this.#wake = () => wake("");
      },
    });
  }

  async #index(): Promise<"again" | number> {
    await this.#search.ensureIndex(TITLE_INDEX);
    const titles = await this.#store.listToIndex(BATCH);
    const { shown, hidden } = writesOf(titles);
    if (shown.length > 0) await this.#search.put(TITLE_INDEX, shown);
    if (hidden.length > 0) await this.#search.remove(TITLE_INDEX, hidden);
    if (titles.length > 0) await this.#store.markIndexed(titles);
    return titles.length === BATCH ? "again" : POLL_MS;
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
