/** The recommendations service, as far as the home page needs it. */

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { Row_Kind } from "#gen/matinee/recommendations/v1/row_pb";
import { requireId } from "#pkg/aip/resource-name";
import { isAppError } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import type { ChosenRow, RowChooser } from "./browsing.ts";

/** The home page waits no longer for its rows. */
const TIMEOUT_MS = 2_000;

const ROWS: ReadonlyMap<number, { readonly id: string; readonly displayTitle: string }> = new Map([
  [Row_Kind.CONTINUE_WATCHING, { id: "continue-watching", displayTitle: "Continue watching" }],
  [Row_Kind.MY_LIST, { id: "my-list", displayTitle: "My list" }],
  [Row_Kind.NEW, { id: "new", displayTitle: "New on Matinee" }],
]);

/** Asks recommendations; while it is away the row of `fallback` is shown, because a home page is never an error. */
export function openRowChooser(deps: {
  readonly client: Client<typeof RecommendationsService>;
  readonly fallback: () => Promise<readonly string[]>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): RowChooser {
  return async (profileId, maxItems) => {
    try {
      const { rows } = await deps.client.listRows(
        { profile: `profiles/${profileId}`, maxItems },
        { timeoutMs: TIMEOUT_MS, signal: deps.signal },
      );
      return rows.flatMap((row): ChosenRow[] => {
        const texts = ROWS.get(row.kind);
        if (texts === undefined) return [];
        const items = row.items.map(({ title, resumePosition }) => ({
          titleId: requireId("titles", title),
          resumePositionMs: resumePosition && durationMs(resumePosition),
        }));
        return [{ ...texts, items }];
      });
    } catch (err) {
      if (!isAppError(err) || (err.kind !== "unavailable" && err.kind !== "deadline_exceeded")) throw err;
      deps.log.warn({ err }, "home page without recommendations");
      const ids = await deps.fallback();
      const items = ids.map((titleId) => ({ titleId, resumePositionMs: undefined }));
      return [{ id: "new", displayTitle: "New on Matinee", items }];
    }
  };
}
