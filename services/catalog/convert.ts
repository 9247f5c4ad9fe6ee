/** Between the contract of the catalog and its domain. */

import { fromJson, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { TitlePublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import type { HomeRowSchema } from "#gen/matinee/catalog/v1/home_pb";
import { SearchIndex_Reason, SearchIndex_State, type SearchIndexSchema } from "#gen/matinee/catalog/v1/search_index_pb";
import {
  Artwork_Kind,
  type ArtworkSchema,
  type AvailabilitySchema,
  AvailabilityWindow_BusinessModel,
  type Title as ProtoTitle,
  Title_Kind,
  Title_State,
  type TitleSchema,
} from "#gen/matinee/catalog/v1/title_pb";
import { Protection, TrackKind } from "#gen/matinee/common/v1/media_pb";
import { type Package, PackageSchema } from "#gen/matinee/packager/v1/package_pb";
import { idOf, requireRevision } from "#pkg/aip/resource-name";
import type { HomeRow, SeenTitle } from "./browsing.ts";
import { type Availability, explainUnavailable } from "./domain/availability.ts";
import { type FilledIndex, type IndexState, type RebuildReason, stateOf } from "./domain/filled-index.ts";
import {
  type BusinessModel,
  etagOf,
  fileNameOf,
  type PictureSize,
  STANDING_ALONE,
  type Still,
  type Title,
  type TitleFields,
  type TitleKind,
  type TitleMedia,
  type TitleState,
} from "./domain/title.ts";
import { errors } from "./errors.ts";

const KINDS = { movie: Title_Kind.MOVIE } as const satisfies Record<TitleKind, Title_Kind>;

const BUSINESS_MODELS = {
  subscription: AvailabilityWindow_BusinessModel.SUBSCRIPTION,
  rental: AvailabilityWindow_BusinessModel.RENTAL,
  purchase: AvailabilityWindow_BusinessModel.PURCHASE,
  ad_supported: AvailabilityWindow_BusinessModel.AD_SUPPORTED,
  free: AvailabilityWindow_BusinessModel.FREE,
} as const satisfies Record<BusinessModel, AvailabilityWindow_BusinessModel>;

const STATES = {
  draft: Title_State.DRAFT,
  published: Title_State.PUBLISHED,
  unpublished: Title_State.UNPUBLISHED,
  deleted: Title_State.DELETED,
} as const satisfies Record<TitleState, Title_State>;

const INDEX_STATES = {
  ready: SearchIndex_State.READY,
  waiting: SearchIndex_State.WAITING,
  rebuilding: SearchIndex_State.REBUILDING,
} as const satisfies Record<IndexState, SearchIndex_State>;

const REBUILD_REASONS = {
  made_anew: SearchIndex_Reason.MADE_ANEW,
  outdated: SearchIndex_Reason.OUTDATED,
  asked: SearchIndex_Reason.ASKED,
} as const satisfies Record<RebuildReason, SearchIndex_Reason>;

/** Undefined for unspecified. */
export function fromProtoState(state: number): TitleState | undefined {
  return keyOf(STATES, state);
}

/** Those that stand for themselves where none is asked for. */
export function fromProtoKinds(kinds: readonly number[]): readonly TitleKind[] {
  return kinds.length === 0 ? STANDING_ALONE : kinds.flatMap((kind) => keyOf(KINDS, kind) ?? []);
}

function keyOf<K extends string>(numbers: Readonly<Record<K, number>>, number: number): K | undefined {
  return (Object.keys(numbers) as K[]).find((key) => numbers[key] === number);
}

function toProtoSizes(id: string, sizes: readonly PictureSize[]) {
  return sizes.map(({ key, width }) => ({ uri: artworkPath(id, key), width }));
}

export function toProtoArtworks(id: string, stills: readonly Still[]): MessageInitShape<typeof ArtworkSchema>[] {
  return stills.map((still) => ({
    kind: Artwork_Kind.STILL,
    uri: artworkPath(id, still.key),
    width: still.width,
    height: still.height,
    sizes: toProtoSizes(id, still.sizes),
    encodings: still.webp.length === 0 ? [] : [{ mediaType: "image/webp", sizes: toProtoSizes(id, still.webp) }],
  }));
}

/** The path that a picture of a title or an asset is served at; it names what it shows, so it may be cached for ever. */
function artworkPath(id: string, key: string): string {
  return `/images/${id}/${fileNameOf({ key })}`;
}

export function toProtoTitle(title: Title) {
  return {
    name: `titles/${title.id}`,
    kind: KINDS[title.kind],
    displayTitle: title.displayTitle,
    synopsis: title.synopsis,
    originalLanguage: title.originalLanguage,
    releaseYear: title.releaseYear,
    genres: [...title.genres],
    credits: [...title.credits],
    minimumAge: title.minimumAge,
    localizations: [...title.localizations],
    availabilityWindows: title.windows.map((window) => ({
      territories: [...window.territories],
      tiers: [...window.tiers],
      businessModel: BUSINESS_MODELS[window.businessModel],
      ...(window.startsAt === undefined ? {} : { startTime: timestampFromDate(window.startsAt) }),
      ...(window.endsAt === undefined ? {} : { endTime: timestampFromDate(window.endsAt) }),
    })),
    asset: title.assetId === undefined ? "" : `assets/${title.assetId}`,
    ...(title.media === undefined ? {} : { media: toProtoMedia(title.media) }),
    artworks: toProtoArtworks(title.id, title.stills),
    poster: posterPath(title),
    state: STATES[title.state],
    viewCount: BigInt(title.viewCount),
    createTime: timestampFromDate(title.createdAt),
    updateTime: timestampFromDate(title.updatedAt),
    ...(title.publishedAt === undefined ? {} : { publishTime: timestampFromDate(title.publishedAt) }),
    etag: etagOf(title),
  } satisfies MessageInitShape<typeof TitleSchema>;
}

/** What others learn of a published title. */
export function titleToEvent(title: Title) {
  return {
    title: `titles/${title.id}`,
    kind: KINDS[title.kind],
    displayTitle: title.displayTitle,
    originalLanguage: title.originalLanguage,
    genres: [...title.genres],
    minimumAge: title.minimumAge,
    asset: title.assetId === undefined ? "" : `assets/${title.assetId}`,
    ...(title.publishedAt === undefined ? {} : { publishTime: timestampFromDate(title.publishedAt) }),
  } satisfies MessageInitShape<typeof TitlePublishedSchema>;
}

/** Empty where none was chosen, or the film no longer has it. */
function posterPath({ id, poster, stills }: Title): string {
  const chosen = stills.find((still) => fileNameOf(still) === poster);
  return chosen === undefined ? "" : artworkPath(id, chosen.key);
}

function toProtoMedia(media: TitleMedia) {
  return {
    isPlayable: true,
    isComplete: media.isComplete,
    duration: durationFromMs(media.durationMs),
    maxHeight: media.maxHeight,
    audioLanguages: [...media.audioLanguages],
    textLanguages: [...media.textLanguages],
    protection: media.isEncrypted ? Protection.CBCS : Protection.CLEAR,
    package: `packages/${media.packageId}@${media.revision}`,
  };
}

/** As the studio sees it. */
export function toProtoSeen(seen: SeenTitle): MessageInitShape<typeof TitleSchema> {
  return { ...toProtoTitle(seen.title), availability: toProtoAvailability(seen.availability) };
}

/** As a viewer sees it, who is told nothing that only the studio needs. `language` is BCP 47, or empty. */
export function seenToViewer(seen: SeenTitle, language: string): MessageInitShape<typeof TitleSchema> {
  const title = toProtoTitle(seen.title);
  const primary = (tag: string) => tag.split("-")[0]?.toLowerCase();
  const { localizations } = seen.title;
  const localized =
    localizations.find((one) => one.language.toLowerCase() === language.toLowerCase()) ??
    localizations.find((one) => primary(one.language) === primary(language));
  return {
    ...title,
    asset: "",
    availabilityWindows: [],
    poster: "",
    etag: "",
    localizations: localized === undefined ? [] : [localized],
    ...(title.media && { media: { ...title.media, package: "" } }),
    availability: toProtoAvailability(seen.availability),
  };
}

export function toProtoAvailability(availability: Availability): MessageInitShape<typeof AvailabilitySchema> {
  if (availability.isAvailable) {
    return {
      isAvailable: true,
      ...(availability.endsAt === undefined ? {} : { endTime: timestampFromDate(availability.endsAt) }),
    };
  }
  return {
    isAvailable: false,
    reason: availability.reason,
    message: explainUnavailable(availability),
    ...(availability.startsAt === undefined ? {} : { startTime: timestampFromDate(availability.startsAt) }),
  };
}

export function toProtoHomeRow(row: HomeRow, language: string): MessageInitShape<typeof HomeRowSchema> {
  return {
    id: row.id,
    displayTitle: row.displayTitle,
    items: row.items.map((item) => ({
      title: seenToViewer(item, language),
      ...(item.resumePositionMs === undefined ? {} : { resumePosition: durationFromMs(item.resumePositionMs) }),
    })),
  };
}

/** What an operator may write, by the field's name in the contract. */
const WRITABLE: { readonly [path: string]: (title: ProtoTitle) => Partial<TitleFields> } = {
  display_title: ({ displayTitle }) => ({ displayTitle: displayTitle.trim() }),
  synopsis: ({ synopsis }) => ({ synopsis }),
  original_language: ({ originalLanguage }) => ({ originalLanguage }),
  release_year: ({ releaseYear }) => ({ releaseYear }),
  genres: ({ genres }) => ({ genres }),
  credits: ({ credits }) => ({
    credits: credits.map(({ displayName, role, character }) => ({ displayName, role, character })),
  }),
  minimum_age: ({ minimumAge }) => ({ minimumAge }),
  localizations: ({ localizations }) => ({
    localizations: localizations.map(({ language, displayTitle, synopsis }) => ({ language, displayTitle, synopsis })),
  }),
  availability_windows: ({ availabilityWindows }) => ({
    windows: availabilityWindows.map((window) => ({
      territories: window.territories,
      startsAt: window.startTime && timestampDate(window.startTime),
      endsAt: window.endTime && timestampDate(window.endTime),
      tiers: window.tiers,
      // The contract admits no other yet.
      businessModel: keyOf(BUSINESS_MODELS, window.businessModel) ?? "subscription",
    })),
  }),
  asset: ({ asset }) => ({ assetId: idOf("assets", asset) }),
  poster: ({ poster }) => ({ poster: poster === "" ? undefined : fileNameOf({ key: poster }) }),
};

/** Every field that is written when a title is made. */
export function fromProtoFields(title: ProtoTitle): TitleFields & Pick<Title, "kind"> {
  const fields = Object.assign({}, ...Object.values(WRITABLE).map((read) => read(title))) as TitleFields;
  return { ...fields, kind: keyOf(KINDS, title.kind) ?? "movie" };
}

/** The fields that the mask names, in either spelling. Throws `TITLE_UPDATE_MASK_INVALID`. */
export function fromProtoChange(title: ProtoTitle, paths: readonly string[]): Partial<TitleFields> {
  if (paths.length === 0) throw errors.TITLE_UPDATE_MASK_INVALID("");
  return Object.assign(
    {},
    ...paths.map((path) => {
      const read = WRITABLE[path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
      if (read === undefined) throw errors.TITLE_UPDATE_MASK_INVALID(path);
      return read(title);
    }),
  ) as Partial<TitleFields>;
}

export function toProtoSearchIndex(filled: FilledIndex | undefined): MessageInitShape<typeof SearchIndexSchema> {
  const state = INDEX_STATES[stateOf(filled)];
  if (filled === undefined) return { state };
  const { reason, isWanted, done, total, startedAt, endedAt } = filled;
  return {
    state,
    reason: REBUILD_REASONS[isWanted ? "asked" : reason],
    doneCount: BigInt(done),
    totalCount: BigInt(total),
    ...(startedAt === undefined ? {} : { startTime: timestampFromDate(startedAt) }),
    ...(endedAt === undefined ? {} : { endTime: timestampFromDate(endedAt) }),
  };
}

export function packageToJson(pack: Package): object {
  return toJson(PackageSchema, pack) as object;
}

/** Stored by whichever release was newest; fields that this one does not know are passed over. */
export function packageFromJson(json: object): Package {
  return fromJson(PackageSchema, json as JsonValue, { ignoreUnknownFields: true });
}

/** What a title shows of a package. */
export function fromProtoMedia(pack: Package): TitleMedia {
  const tracks = pack.tracks.flatMap(({ track }) => (track === undefined ? [] : [track]));
  const languagesOf = (kind: TrackKind) => [
    ...new Set(
      tracks
        .filter((track) => track.kind === kind)
        .sort((a, b) => Number(b.isDefault) - Number(a.isDefault))
        .map(({ language }) => language),
    ),
  ];
  return {
    packageId: requireRevision("packages", pack.name).id,
    revision: pack.revision,
    isComplete: pack.isComplete,
    durationMs: pack.duration === undefined ? 0 : durationMs(pack.duration),
    maxHeight: Math.max(0, ...tracks.map(({ height }) => height)),
    audioLanguages: languagesOf(TrackKind.AUDIO),
    textLanguages: languagesOf(TrackKind.TEXT),
    isEncrypted: pack.protection !== Protection.CLEAR,
  };
}
