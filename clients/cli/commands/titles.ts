/** `matinee titles`: list, show, publish, unpublish, delete, restore. */

import { toJson } from "@bufbuild/protobuf";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { type Title, Title_State, TitleSchema } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { toDate, toSeconds } from "@matinee/sdk/time";
import type { Context } from "../context.ts";
import { duration, stateName, table, when } from "../text.ts";
import { parseName, parseState } from "./names.ts";

const PAGE = 200;

export async function listTitles(context: Context, flags: { state?: string; limit: number }): Promise<void> {
  const state = flags.state === undefined ? Title_State.UNSPECIFIED : parseState(Title_State, flags.state);
  const client = (await context.platform()).client(CatalogService);
  const titles: Title[] = [];
  for (let pageToken = ""; titles.length < flags.limit; ) {
    const page = await client.listTitles({ state, pageToken, pageSize: Math.min(PAGE, flags.limit - titles.length) });
    titles.push(...page.titles);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  context.emit({ titles: titles.map((title) => toJson(TitleSchema, title)) });
  if (titles.length === 0) return context.say("No titles. Make one with: matinee import FILE --title NAME");
  context.say(
    table(
      ["title", "state", "media", "views", "name"],
      titles.map((title) => [
        title.name,
        stateName(Title_State, title.state),
        mediaState(title),
        String(title.viewCount),
        title.releaseYear === 0 ? title.displayTitle : `${title.displayTitle} (${title.releaseYear})`,
      ]),
    ),
  );
}

export async function showTitle(context: Context, given: string): Promise<void> {
  const name = parseName("titles", given);
  const { title } = await (await context.platform()).client(CatalogService).getTitle({ name });
  if (title === undefined) return;
  context.emit({ title: toJson(TitleSchema, title) });
  const windows = title.availabilityWindows.map((window) => {
    const start = when(toDate(window.startTime));
    const end = when(toDate(window.endTime));
    const parts = [start === "" ? "" : `from ${start}`, end === "" ? "" : `until ${end}`].filter((part) => part !== "");
    return `${window.territories.join(" ") || "everywhere"}, ${parts.join(" ") || "for ever"}`;
  });
  const media = title.media;
  const lines: [string, string][] = [
    ["Name", title.name],
    ["State", stateName(Title_State, title.state)],
    ["Asset", title.asset],
    ["Media", `${mediaState(title)}${media === undefined ? "" : `, ${duration(toSeconds(media.duration))}`}`],
    ["Sound", media?.audioLanguages.join(" ") ?? ""],
    ["Captions", media?.textLanguages.join(" ") ?? ""],
    ["Genres", title.genres.join(", ")],
    ["Age", String(title.minimumAge)],
    ["Rights", windows.join("; ") || "none: nobody may watch it"],
    ["Views", String(title.viewCount)],
    ["Synopsis", title.synopsis],
  ];
  context.say(title.displayTitle);
  for (const [label, value] of lines) if (value !== "") context.say(`  ${label.padEnd(9)} ${value}`);
}

export async function publishTitle(context: Context, given: string): Promise<void> {
  const name = parseName("titles", given);
  const { title } = await (await context.platform()).client(CatalogService).publishTitle({ name });
  tell(context, title, `${name} is in the catalogue.`);
}

export async function unpublishTitle(context: Context, given: string): Promise<void> {
  const name = parseName("titles", given);
  const { title } = await (await context.platform()).client(CatalogService).unpublishTitle({ name });
  tell(context, title, `${name} is out of the catalogue.`);
}

export async function deleteTitle(context: Context, given: string): Promise<void> {
  const name = parseName("titles", given);
  const { title } = await (await context.platform()).client(CatalogService).deleteTitle({ name });
  tell(context, title, `${name} is deleted. Bring it back within 30 days with: matinee titles restore ${name}`);
}

export async function restoreTitle(context: Context, given: string): Promise<void> {
  const name = parseName("titles", given);
  const { title } = await (await context.platform()).client(CatalogService).undeleteTitle({ name });
  tell(context, title, `${name} is back, as a draft. Publish it with: matinee titles publish ${name}`);
}

function tell(context: Context, title: Title | undefined, line: string): void {
  context.emit({ title: title === undefined ? null : toJson(TitleSchema, title) });
  context.say(line);
}

function mediaState(title: Title): string {
  if (title.media?.isComplete === true) return `complete ${title.media.maxHeight}p`;
  if (title.media?.isPlayable === true) return `playable ${title.media.maxHeight}p`;
  return "none";
}
