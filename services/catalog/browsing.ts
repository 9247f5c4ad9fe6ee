/** Reading the catalogue as a viewer: one title, search, the home page, and the decision to play. */

import type { Clock } from "#pkg/clock/clock";
import type { SearchIndex, SearchResult } from "#pkg/search/search";
import {
  type Availability,
  type AvailabilityReason,
  decideAvailability,
  type ViewerContext,
} from "./domain/availability.ts";
import type { Title } from "./domain/title.ts";
import { errors } from "./errors.ts";
import { TITLE_INDEX } from "./indexer.ts";
import type { TitleStore } from "./store/title-store.ts";

/** A title with the decision for who asked. */
export interface SeenTitle {
  readonly title: Title;
  readonly availability: Availability;
}

/** A row as recommendations chose it. */
export interface ChosenRow {
  readonly id: string;
  readonly displayTitle: string;
  readonly items: readonly { readonly titleId: string; readonly resumePositionMs: number | undefined }[];
}

export interface HomeRow {
  readonly id: string;
  readonly displayTitle: string;
  readonly items: readonly (SeenTitle & { readonly resumePositionMs: number | undefined })[];
}

/** Chooses rows for a profile; the recommendations service behind a narrow door. */
export type RowChooser = (profileId: string, maxItems: number) => Promise<readonly ChosenRow[]>;

export class Browsing {
  readonly #store: TitleStore;
  readonly #search: SearchIndex;
  readonly #clock: Clock;

  constructor(deps: { readonly store: TitleStore; readonly search: SearchIndex; readonly clock: Clock }) {
    this.#store = deps.store;
    this.#search = deps.search;
    this.#clock = deps.clock;
  }

  /** Decides for one title. */
  see(title: Title, viewer: ViewerContext): SeenTitle {
    const decided = decideAvailability({ ...title, isPlayable: title.media !== undefined }, viewer, this.#clock.now());
    return { title, availability: decided };
  }

  /** Throws `TITLE_NOT_FOUND` for what is not published or not for the viewer's age: they do not learn of it. */
  async get(titleId: string, viewer: ViewerContext): Promise<SeenTitle> {
    const [seen] = await this.getMany([titleId], viewer);
    if (seen === undefined) throw errors.TITLE_NOT_FOUND();
    return seen;
  }

  /** Those that are published and for the viewer's age, in this order. */
  async getMany(titleIds: readonly string[], viewer: ViewerContext): Promise<SeenTitle[]> {
    const titles = await this.#store.loadPublished([...titleIds]);
    return titleIds.flatMap((id) => {
      const title = titles.get(id);
      const seen = title && this.see(title, viewer);
      return seen === undefined || isTooOld(seen) ? [] : [seen];
    });
  }

  /** The decision with what plays, for whoever is about to play it. Throws `TITLE_NOT_FOUND`. */
  async check(
    titleId: string,
    viewer: ViewerContext,
  ): Promise<SeenTitle & { readonly packageJson: object | undefined }> {
    const title = await this.#store.find(titleId);
    if (title === undefined || title.state === "deleted") throw errors.TITLE_NOT_FOUND();
    const packageJson = title.assetId === undefined ? undefined : await this.#store.findPackage(title.assetId);
    return { ...this.see(title, viewer), packageJson };
  }

  /** Published titles that match and can ever be watched here by the viewer; a hit that has left the catalogue since is left out. */
  async search(
    query: {
      readonly text: string;
      readonly genres: readonly string[];
      readonly languages: readonly string[];
      readonly limit: number;
      readonly cursor: string | undefined;
    },
    viewer: ViewerContext,
  ): Promise<{ readonly hits: readonly (SeenTitle & { readonly score: number })[] } & Omit<SearchResult, "hits">> {
    const filters = {
      ...(query.genres.length > 0 ? { genre: query.genres } : {}),
      ...(query.languages.length > 0 ? { language: query.languages } : {}),
    };
    const found = await this.#search.query(TITLE_INDEX, {
      text: query.text,
      filters,
      limit: query.limit,
      ...(query.cursor === undefined ? { countFacets: ["genre", "language"] } : { cursor: query.cursor }),
    });
    const titles = await this.#store.loadPublished(found.hits.map(({ id }) => id));
    const hits = found.hits.flatMap(({ id, score }) => {
      const title = titles.get(id);
      const seen = title && this.see(title, viewer);
      return seen && isShown(seen) ? [{ ...seen, score }] : [];
    });
    return { hits, facetCounts: found.facetCounts, cursor: found.cursor };
  }

  /** The chosen rows with their titles; rows that end up empty are left out. */
  async home(rows: readonly ChosenRow[], viewer: ViewerContext): Promise<HomeRow[]> {
    const ids = [...new Set(rows.flatMap(({ items }) => items.map(({ titleId }) => titleId)))];
    const titles = await this.#store.loadPublished(ids);
    return rows
      .map((row) => ({
        ...row,
        items: row.items.flatMap(({ titleId, resumePositionMs }) => {
          const title = titles.get(titleId);
          const seen = title && this.see(title, viewer);
          return seen && isShown(seen) ? [{ ...seen, resumePositionMs }] : [];
        }),
      }))
      .filter(({ items }) => items.length > 0);
  }
}

function isTooOld({ availability }: SeenTitle): boolean {
  return !availability.isAvailable && availability.reason === "TITLE_MATURITY";
}

/** What comes soon, is being prepared or is in another plan is shown; what is over, not for here or for older ones is not. */
function isShown({ availability }: SeenTitle): boolean {
  return availability.isAvailable || SHOWN.includes(availability.reason);
}

const SHOWN: readonly AvailabilityReason[] = ["TITLE_NOT_STARTED", "TITLE_NOT_PLAYABLE", "TITLE_TIER"];
