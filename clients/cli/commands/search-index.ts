/** `matinee search-index`: show, rebuild. */

import { toJson } from "@bufbuild/protobuf";
import { sleep } from "@matinee/sdk/clock";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import {
  type SearchIndex,
  SearchIndex_Reason,
  SearchIndex_State,
  SearchIndexSchema,
} from "@matinee/sdk/gen/matinee/catalog/v1/search_index_pb";
import { toDate } from "@matinee/sdk/time";
import type { Context } from "../context.ts";
import { newProgress } from "../progress.ts";
import { stateName, when } from "../text.ts";

const LOOK_MS = 500;

export async function showSearchIndex(context: Context): Promise<void> {
  const { searchIndex } = await (await context.platform()).client(CatalogService).getSearchIndex({});
  if (searchIndex === undefined) return;
  tell(context, searchIndex);
  const { state, reason, startTime, endTime } = searchIndex;
  context.say(`The search index is ${stateName(SearchIndex_State, state)}.`);
  const why = stateName(SearchIndex_Reason, reason).replaceAll("_", " ");
  const lines: [string, string][] = [
    ["Why", reason === SearchIndex_Reason.UNSPECIFIED ? "" : why],
    ["Titles", titlesOf(searchIndex)],
    ["Began", when(toDate(startTime))],
    ["Ended", when(toDate(endTime))],
  ];
  for (const [label, value] of lines) if (value !== "") context.say(`  ${label.padEnd(9)} ${value}`);
}

export async function rebuildSearchIndex(context: Context, flags: { wait: boolean }): Promise<void> {
  const client = (await context.patientPlatform()).client(CatalogService);
  let { searchIndex } = await client.rebuildSearchIndex({});
  if (!flags.wait) {
    if (searchIndex !== undefined) tell(context, searchIndex);
    return context.say("The search index is to be rebuilt. Follow it with: matinee search-index");
  }
  const progress = context.json ? undefined : newProgress(context.io.out);
  while (searchIndex !== undefined && searchIndex.state !== SearchIndex_State.READY) {
    tell(context, searchIndex);
    // before it begins, the counts are those of the rebuild before
    const isRunning = searchIndex.state === SearchIndex_State.REBUILDING;
    const fraction = isRunning ? Number(searchIndex.doneCount) / Math.max(1, Number(searchIndex.totalCount)) : 0;
    progress?.set(
      "index",
      fraction,
      isRunning ? titlesOf(searchIndex) : stateName(SearchIndex_State, searchIndex.state),
    );
    await sleep(LOOK_MS, context.signal);
    ({ searchIndex } = await client.getSearchIndex({}));
  }
  progress?.end();
  if (searchIndex === undefined) return;
  tell(context, searchIndex);
  context.say(`The search index is rebuilt from ${searchIndex.doneCount} titles.`);
}

function tell(context: Context, searchIndex: SearchIndex): void {
  context.emit({ searchIndex: toJson(SearchIndexSchema, searchIndex) });
}

function titlesOf({ doneCount, totalCount }: SearchIndex): string {
  return `${doneCount} of ${totalCount} titles`;
}
