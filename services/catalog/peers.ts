/** Profile and recommendations, as far as browsing needs them. */

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import type { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { Row_Kind } from "#gen/matinee/recommendations/v1/row_pb";
import { requireId } from "#pkg/aip/resource-name";
import type { Clock } from "#pkg/clock/clock";
import { isAppError, isRetryable } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import { onBehalfOf } from "#pkg/rpc/behalf";
import type { Call } from "#pkg/rpc/call";
import { profileOf } from "#pkg/rpc/principal";
import type { ChosenRow, RowChooser } from "./browsing.ts";
import type { ViewerContext } from "./domain/availability.ts";

/** Who browses: plan, age and language of a profile. */
export interface Viewer extends ViewerContext {
  readonly profileId: string;
  /** BCP 47, or empty. */
  readonly language: string;
}

type Known = Omit<Viewer, "territory">;

/** A page of the catalogue is several calls; a change of plan or age shows in it after at most this long. */
const KNOWN_MS = 30_000;
const MAX_KNOWN = 10_000;

export type Viewers = ReturnType<typeof openViewers>;

export function openViewers(deps: {
  readonly client: Client<typeof ProfileService>;
  readonly territoryOf: (call: Call) => string;
  readonly clock: Clock;
}) {
  const { client, clock } = deps;
  const known = new Map<string, { readonly viewer: Known; readonly untilMs: number }>();

  async function find(call: Call): Promise<Known> {
    const { accountId, profileId } = profileOf(call);
    const before = known.get(profileId);
    if (before !== undefined && before.untilMs > clock.now().getTime()) return before.viewer;
    try {
      const request = { account: `accounts/${accountId}`, profile: `profiles/${profileId}` };
      const { viewer } = await client.getViewer(request, onBehalfOf(call));
      const found = {
        profileId,
        tier: viewer?.tier ?? "",
        maximumAge: viewer?.maximumAge ?? 0,
        language: viewer?.language ?? "",
      };
      known.delete(profileId);
      known.set(profileId, { viewer: found, untilMs: clock.now().getTime() + KNOWN_MS });
      const [oldest] = known.keys();
      if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
      return found;
    } catch (error) {
      // What was known last is good while profile is away; of whom nothing is known, nothing is shown.
      if (before === undefined || !isRetryable(error)) throw error;
      return before.viewer;
    }
  }

  return {
    /** Throws `PROFILE_REQUIRED`, `ACCOUNT_NOT_FOUND`, `PROFILE_NOT_FOUND`, or what says that profile is away. */
    async of(call: Call): Promise<Viewer> {
      return { ...(await find(call)), territory: deps.territoryOf(call) };
    },
  };
}

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
