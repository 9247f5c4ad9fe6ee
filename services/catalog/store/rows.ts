/** Rows of the catalog schema, and what they mean. */

import {
  type AvailabilityWindow,
  type BusinessModel,
  type Credit,
  inOrderOfChoice,
  type Localization,
  type Still,
  type Title,
  type TitleKind,
  type TitleMedia,
  type TitleState,
} from "../domain/title.ts";

export type TitleRow = {
  id: string;
  kind: TitleKind;
  display_title: string;
  synopsis: string;
  original_language: string;
  release_year: number;
  genres: string[];
  credits: Credit[];
  minimum_age: number;
  localizations: Localization[];
  windows: WindowJson[];
  asset_id: string | null;
  poster: string | null;
  state: TitleState;
  version: string;
  created_at: Date;
  updated_at: Date;
  published_at: Date | null;
  media: TitleMedia | null;
  posters: readonly StoredStill[] | null;
  views: string | null;
};

interface WindowJson {
  readonly territories: string[];
  readonly startsAt: string | null;
  readonly endsAt: string | null;
  readonly tiers: string[];
  /** Absent in windows of releases that knew nothing but subscriptions. */
  readonly businessModel?: BusinessModel;
}

export function toTitle(row: TitleRow): Title {
  return {
    id: row.id,
    kind: row.kind,
    displayTitle: row.display_title,
    synopsis: row.synopsis,
    originalLanguage: row.original_language,
    releaseYear: row.release_year,
    genres: row.genres,
    credits: row.credits,
    minimumAge: row.minimum_age,
    localizations: row.localizations,
    windows: row.windows.map(toWindow),
    assetId: row.asset_id ?? undefined,
    poster: row.poster ?? undefined,
    state: row.state,
    version: Number(row.version),
    media: row.media ?? undefined,
    stills: inOrderOfChoice(stillsOf(row.posters), row.poster ?? undefined),
    viewCount: Number(row.views ?? 0),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    publishedAt: row.published_at ?? undefined,
  };
}

function toWindow(json: WindowJson): AvailabilityWindow {
  return {
    territories: json.territories,
    startsAt: json.startsAt === null ? undefined : new Date(json.startsAt),
    endsAt: json.endsAt === null ? undefined : new Date(json.endsAt),
    tiers: json.tiers,
    businessModel: json.businessModel ?? "subscription",
  };
}

export function fromWindow(window: AvailabilityWindow): WindowJson {
  return {
    territories: [...window.territories],
    startsAt: window.startsAt?.toISOString() ?? null,
    endsAt: window.endsAt?.toISOString() ?? null,
    tiers: [...window.tiers],
    businessModel: window.businessModel,
  };
}

/** As kept with the asset; pictures that came before there were smaller ones of them have none. */
export type StoredStill = Omit<Still, "sizes" | "webp"> & Partial<Pick<Still, "sizes" | "webp">>;

export function stillsOf(stored: readonly StoredStill[] | null): readonly Still[] {
  return (stored ?? []).map((still) => ({ ...still, sizes: still.sizes ?? [], webp: still.webp ?? [] }));
}
