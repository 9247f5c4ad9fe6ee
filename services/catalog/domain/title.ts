/** Titles as the rules see them. */

export type TitleState = "draft" | "published" | "unpublished" | "deleted";

/** Series, seasons and episodes will be kinds too: everything that can be watched is a title. */
export type TitleKind = "movie";

/** Kinds that are listed without being asked for. */
export const STANDING_ALONE: readonly TitleKind[] = ["movie"];

/** What a viewer gives for watching. */
export type BusinessModel = "subscription" | "rental" | "purchase" | "ad_supported" | "free";

export interface Credit {
  readonly displayName: string;
  readonly role: string;
  readonly character: string;
}

export interface Localization {
  readonly language: string;
  readonly displayTitle: string;
  readonly synopsis: string;
}

/** A right to show a title; empty lists mean everywhere and every tier, absent times mean always. */
export interface AvailabilityWindow {
  readonly territories: readonly string[];
  readonly startsAt: Date | undefined;
  readonly endsAt: Date | undefined;
  readonly tiers: readonly string[];
  readonly businessModel: BusinessModel;
}

/** What an operator writes about a title. */
export interface TitleFields {
  readonly displayTitle: string;
  readonly synopsis: string;
  readonly originalLanguage: string;
  readonly releaseYear: number;
  readonly genres: readonly string[];
  readonly credits: readonly Credit[];
  readonly minimumAge: number;
  readonly localizations: readonly Localization[];
  readonly windows: readonly AvailabilityWindow[];
  readonly assetId: string | undefined;
  /** File name of the picture that people chose; undefined for the film's own order. */
  readonly poster: string | undefined;
}

export interface PictureSize {
  /** Key in the images store. */
  readonly key: string;
  readonly width: number;
}

export interface Still {
  /** Key in the images store. */
  readonly key: string;
  readonly width: number;
  readonly height: number;
  /** The same picture smaller, widest first. */
  readonly sizes: readonly PictureSize[];
  /** The same picture as WebP, which takes fewer bytes, widest first; empty for pictures of before. */
  readonly webp: readonly PictureSize[];
}

/** What the newest package of the title's asset holds. */
export interface TitleMedia {
  readonly packageId: string;
  readonly revision: number;
  readonly isComplete: boolean;
  readonly durationMs: number;
  readonly maxHeight: number;
  readonly audioLanguages: readonly string[];
  readonly textLanguages: readonly string[];
  readonly isEncrypted: boolean;
}

export interface Title extends TitleFields {
  readonly id: string;
  readonly kind: TitleKind;
  readonly state: TitleState;
  readonly version: number;
  readonly media: TitleMedia | undefined;
  readonly stills: readonly Still[];
  readonly viewCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly publishedAt: Date | undefined;
}

/** The name of a picture's file, which is the hash of what it shows. */
export function fileNameOf(still: Pick<Still, "key">): string {
  return still.key.slice(still.key.lastIndexOf("/") + 1);
}

/** The chosen picture first; the film's own order where none is chosen, or the film no longer has it. */
export function inOrderOfChoice(stills: readonly Still[], poster: string | undefined): readonly Still[] {
  const chosen = stills.find((still) => fileNameOf(still) === poster);
  return chosen === undefined ? stills : [chosen, ...stills.filter((still) => still !== chosen)];
}

/** Changes with every change of the title. */
export function etagOf(title: Title): string {
  return String(title.version);
}

/** What is missing before a title can be published, as fields with what they need. */
export function missingForPublish(title: TitleFields): { readonly field: string; readonly description: string }[] {
  const missing = [];
  if (title.assetId === undefined) missing.push({ field: "title.asset", description: "choose the asset that plays" });
  if (title.synopsis.trim() === "") missing.push({ field: "title.synopsis", description: "say what it is about" });
  if (title.windows.length === 0) {
    missing.push({ field: "title.availability_windows", description: "add a window; without one nobody may watch it" });
  }
  return missing;
}

/** The text that search looks through beside the name. */
export function searchBodyOf(title: TitleFields): string {
  return [
    title.synopsis,
    ...title.genres,
    ...title.credits.flatMap((credit) => [credit.displayName, credit.character]),
    ...title.localizations.flatMap((localization) => [localization.displayTitle, localization.synopsis]),
    title.releaseYear > 0 ? String(title.releaseYear) : "",
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** Languages that a title can be heard in, without region, for the search facet. */
export function languagesOf(title: Pick<Title, "media" | "originalLanguage">): readonly string[] {
  const languages = title.media?.audioLanguages ?? [title.originalLanguage];
  return [...new Set(languages.map((language) => language.split("-")[0] ?? "").filter((language) => language !== ""))];
}
