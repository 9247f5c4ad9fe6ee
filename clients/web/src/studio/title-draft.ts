/** A title as the form shows it, and back. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Credit, Title, TitleSchema } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
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
] as const;

/** Text of each input. */
export interface TitleDraft {
  readonly displayTitle: string;
  readonly synopsis: string;
  readonly releaseYear: string;
  readonly minimumAge: string;
  readonly originalLanguage: string;
  readonly genres: string;
  readonly credits: string;
  readonly startTime: string;
  readonly endTime: string;
  readonly territories: string;
}

/** The first rights window is the form's; others stay as they are. */
export function toDraft(title: Title | undefined, suggestion: string): TitleDraft {
  const window = title?.availabilityWindows[0];
  return {
    displayTitle: title?.displayTitle ?? suggestion,
    synopsis: title?.synopsis ?? "",
    releaseYear: title === undefined || title.releaseYear === 0 ? "" : String(title.releaseYear),
    minimumAge: String(title?.minimumAge ?? 0),
    originalLanguage: title?.originalLanguage ?? "",
    genres: (title?.genres ?? []).join(", "),
    credits: (title?.credits ?? []).map(toLine).join("\n"),
    startTime: toLocal(toDate(window?.startTime)),
    endTime: toLocal(toDate(window?.endTime)),
    territories: (window?.territories ?? []).join(", "),
  };
}

export function readDraft(form: FormData, title: Title | undefined): MessageInitShape<typeof TitleSchema> {
  const text = (name: keyof TitleDraft) => String(form.get(name) ?? "").trim();
  const start = text("startTime");
  const end = text("endTime");
  return {
    displayTitle: text("displayTitle"),
    synopsis: text("synopsis"),
    originalLanguage: text("originalLanguage"),
    releaseYear: Number(text("releaseYear") || 0),
    minimumAge: Number(text("minimumAge") || 0),
    genres: list(text("genres")).map((genre) => genre.toLowerCase()),
    credits: text("credits")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .map(parseLine),
    availabilityWindows: [
      {
        territories: list(text("territories")).map((code) => code.toUpperCase()),
        tiers: title?.availabilityWindows[0]?.tiers ?? [],
        ...(start === "" ? {} : { startTime: timestampFromDate(new Date(start)) }),
        ...(end === "" ? {} : { endTime: timestampFromDate(new Date(end)) }),
      },
      ...(title?.availabilityWindows.slice(1) ?? []),
    ],
  };
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
