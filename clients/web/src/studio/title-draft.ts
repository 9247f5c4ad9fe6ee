/** A title as the form shows it, and back; and what is wrong with it, in the words of the form. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { FieldError } from "@matinee/sdk/errors";
import {
  type AvailabilityWindow,
  AvailabilityWindow_BusinessModel,
  type Credit,
  type Title,
  Title_Kind,
  type TitleSchema,
} from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { toDate } from "@matinee/sdk/time";

/** The fields that the form changes, as the contract names them. */
export const TITLE_FIELDS = [
  "display_title",
  "synopsis",
  "original_language",
  "release_year",
  "genres",
  "credits",
  "minimum_age",
  "availability_windows",
  "asset",
  "poster",
] as const;

export interface WindowDraft {
  /** Tells rows apart while they are added and removed. */
  readonly id: number;
  readonly startTime: string;
  readonly endTime: string;
  readonly territories: string;
  readonly tiers: readonly string[];
}

/** Text of each input. */
export interface TitleDraft {
  readonly displayTitle: string;
  readonly synopsis: string;
  readonly releaseYear: string;
  readonly minimumAge: string;
  readonly originalLanguage: string;
  readonly genres: string;
  readonly credits: string;
  readonly windows: readonly WindowDraft[];
  /** `assets/{uuid}` or empty. */
  readonly asset: string;
  /** Path of the chosen picture or empty. */
  readonly poster: string;
}

let lastId = 0;

export function newWindow(window?: AvailabilityWindow): WindowDraft {
  lastId += 1;
  return {
    id: lastId,
    startTime: toLocal(toDate(window?.startTime)),
    endTime: toLocal(toDate(window?.endTime)),
    territories: (window?.territories ?? []).join(", "),
    tiers: window?.tiers ?? [],
  };
}

export function toDraft(title: Title | undefined, suggestion: { name: string; asset: string }): TitleDraft {
  return {
    displayTitle: title?.displayTitle ?? suggestion.name,
    synopsis: title?.synopsis ?? "",
    releaseYear: title === undefined || title.releaseYear === 0 ? "" : String(title.releaseYear),
    minimumAge: String(title?.minimumAge ?? 0),
    originalLanguage: title?.originalLanguage ?? "",
    genres: (title?.genres ?? []).join(", "),
    credits: (title?.credits ?? []).map(toLine).join("\n"),
    windows: title === undefined ? [newWindow()] : title.availabilityWindows.map(newWindow),
    asset: title?.asset ?? suggestion.asset,
    poster: title?.poster ?? "",
  };
}

/** "the_paper-boat.mp4" becomes "The paper boat". */
export function suggestName(fileName: string): string {
  const words = fileName
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replace(/[_.-]+/g, " ")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether two drafts say the same; rows of windows are told apart by what they say alone. */
export function isSame(a: TitleDraft, b: TitleDraft): boolean {
  const plain = (draft: TitleDraft) =>
    JSON.stringify({ ...draft, windows: draft.windows.map(({ id: _, ...window }) => window) });
  return plain(a) === plain(b);
}

export function fromDraft(draft: TitleDraft): MessageInitShape<typeof TitleSchema> {
  return {
    kind: Title_Kind.MOVIE,
    displayTitle: draft.displayTitle.trim(),
    synopsis: draft.synopsis.trim(),
    originalLanguage: draft.originalLanguage.trim(),
    releaseYear: Number(draft.releaseYear || 0),
    minimumAge: Number(draft.minimumAge || 0),
    genres: list(draft.genres.toLowerCase()),
    credits: lines(draft.credits).map(parseLine),
    availabilityWindows: draft.windows.map(({ startTime, endTime, territories, tiers }) => ({
      territories: list(territories.toUpperCase()),
      tiers: [...tiers],
      businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION,
      ...(startTime === "" ? {} : { startTime: timestampFromDate(new Date(startTime)) }),
      ...(endTime === "" ? {} : { endTime: timestampFromDate(new Date(endTime)) }),
    })),
    asset: draft.asset,
    poster: draft.poster,
  };
}

/** By the field's path in the contract, such as `availability_windows[0].end_time`. */
export type Faults = ReadonlyMap<string, string>;

/** What can be seen without asking the service. */
export function faultsOf(draft: TitleDraft): Faults {
  const faults = new Map<string, string>();
  if (draft.displayTitle.trim() === "") faults.set("display_title", "A title needs a name.");
  const year = Number(draft.releaseYear || 0);
  if (draft.releaseYear !== "" && !(Number.isInteger(year) && year >= 1880 && year <= 2200)) {
    faults.set("release_year", "The year must be between 1880 and 2200, or empty where it is not known.");
  }
  const age = Number(draft.minimumAge || 0);
  if (!(Number.isInteger(age) && age >= 0 && age <= 21)) faults.set("minimum_age", SAYS.minimum_age);
  const language = draft.originalLanguage.trim();
  if (language !== "" && !/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(language)) {
    faults.set("original_language", SAYS.original_language);
  }
  const genres = list(draft.genres);
  const odd = genres.find((genre) => !/^[a-z][a-z0-9 -]{0,39}$/.test(genre.toLowerCase()));
  if (odd !== undefined) faults.set("genres", `“${odd}” cannot be a genre. ${SAYS.genres}`);
  else if (genres.length > 10) faults.set("genres", "A title can have at most ten genres.");
  const long = lines(draft.credits).find((line) => parseLine(line).displayName.length > 100);
  if (long !== undefined) faults.set("credits", `“${long.slice(0, 40)}…” is too long. ${SAYS.credits}`);
  draft.windows.forEach((window, index) => {
    const at = `availability_windows[${index}]`;
    if (window.startTime !== "" && window.endTime !== "" && window.startTime >= window.endTime) {
      faults.set(`${at}.end_time`, SAYS.end_time);
    }
    const wrong = list(window.territories).find((code) => !/^[A-Za-z]{2}$/.test(code));
    if (wrong !== undefined) faults.set(`${at}.territories`, `“${wrong}” is no territory. ${SAYS.territories}`);
  });
  return faults;
}

/** What the service found, where the form shows it and in its words. */
export function faultsFrom(fields: readonly FieldError[]): Faults {
  const faults = new Map<string, string>();
  for (const { field, description } of fields) {
    const path = field.replace(/^title\./, "");
    const [, window] = /^(availability_windows\[\d+\])/.exec(path) ?? [];
    if (window !== undefined) {
      const inner = path.slice(window.length + 1).replace(/\[\d+\]$/, "");
      // A window as a whole is at fault where its end is before its start.
      const name = inner === "" ? "end_time" : inner;
      faults.set(`${window}.${name}`, wordsFor(name, description));
    } else {
      const name = path.replace(/[.[].*$/, "");
      faults.set(name, wordsFor(name, description));
    }
  }
  return faults;
}

const SAYS = {
  original_language: "A language is written as a tag, such as en, de or pt-BR.",
  minimum_age: "The age must be between 0 and 21.",
  genres: "A genre has letters, digits, spaces and hyphens, such as science fiction.",
  credits: "Each line is a role, a colon and a name of at most 100 letters, such as cast: Ada Moll.",
  end_time: "The window’s end must be after its start.",
  territories: "Territories are two-letter codes, such as US, DE.",
  tiers: "Plans are chosen from the list.",
} as const satisfies Record<string, string>;

/** Rules of the contract are written for programs; what a program has no words for, the form has. */
function wordsFor(name: string, description: string): string {
  if (name in SAYS) return SAYS[name as keyof typeof SAYS];
  return description;
}

function list(text: string): string[] {
  return [
    ...new Set(
      text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
    ),
  ];
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function toLine({ role, displayName, character }: Credit): string {
  return `${role}: ${displayName}${character === "" ? "" : ` as ${character}`}`;
}

/** "cast: Ada Moll as The Keeper"; without a role, cast is meant. */
function parseLine(line: string): { role: string; displayName: string; character: string } {
  const [, role = "cast", rest = line] = /^([a-zA-Z][a-zA-Z -]{0,39}):\s*(.+)$/.exec(line) ?? [];
  const [displayName = rest, character = ""] = rest.split(/\s+as\s+/, 2);
  return { role: role.toLowerCase(), displayName, character };
}

/** As `<input type="datetime-local">` takes it, in the person's own time. */
function toLocal(date: Date | undefined): string {
  if (date === undefined) return "";
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
