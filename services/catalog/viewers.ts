/** Who browses: plan, age and language of a profile, from the profile service. */

import type { Client } from "@connectrpc/connect";
import type { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import type { Clock } from "#pkg/clock/clock";
import { isRetryable } from "#pkg/errors/errors";
import type { Call } from "#pkg/rpc/call";
import { profileOf } from "#pkg/rpc/principal";
import type { ViewerContext } from "./domain/availability.ts";

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
      const { viewer } = await client.getViewer(request, { signal: call.signal });
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
