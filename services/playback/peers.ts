/** Catalog, profile and license, as far as a play needs them. */

import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import type { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import type { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import type { Clock } from "#pkg/clock/clock";
import { isRetryable } from "#pkg/errors/errors";
import type { OnBehalf } from "#pkg/rpc/behalf";
import { fromProtoPackage } from "./convert.ts";
import type { OfferedKeySystem, PlayablePackage } from "./domain/grant.ts";

export interface Viewer {
  readonly tier: string;
  readonly maxHeight: number;
  readonly maxStreams: number;
  readonly maximumAge: number;
  readonly language: string;
  readonly resumePoint: { readonly positionMs: number; readonly isFinished: boolean } | undefined;
}

export type Decision =
  | {
      readonly isAvailable: true;
      readonly endsAt: Date | undefined;
      readonly displayTitle: string;
      readonly pack: PlayablePackage;
    }
  | { readonly isAvailable: false; readonly reason: string; readonly message: string };

export interface Asker {
  readonly territory: string;
  readonly tier: string;
  readonly maximumAge: number;
}

const KEY_SYSTEMS_MS = 60_000;

export type Peers = ReturnType<typeof openPeers>;

export function openPeers(deps: {
  readonly catalog: Client<typeof CatalogService>;
  readonly profile: Client<typeof ProfileService>;
  readonly license: Client<typeof LicenseService>;
  readonly clock: Clock;
}) {
  let offered: { readonly systems: readonly OfferedKeySystem[]; readonly untilMs: number } | undefined;

  return {
    /** Key systems that licences are issued of here. */
    async keySystems(signal: AbortSignal): Promise<readonly OfferedKeySystem[]> {
      const nowMs = deps.clock.now().getTime();
      if (offered !== undefined && offered.untilMs > nowMs) return offered.systems;
      try {
        const { keySystems } = await deps.license.listKeySystems({}, { signal });
        const systems = keySystems.flatMap(({ isEnabled, keySystem, uri, emeNames }) => {
          return isEnabled ? [{ keySystem, uri, emeNames }] : [];
        });
        offered = { systems, untilMs: nowMs + KEY_SYSTEMS_MS };
      } catch (error) {
        // They change with a deployment; what was offered last is good while license is away.
        if (offered === undefined || !isRetryable(error)) throw error;
      }
      return offered.systems;
    },

    async viewer(accountId: string, profileId: string, titleId: string, behalf: OnBehalf): Promise<Viewer> {
      const { viewer, resumePoint } = await deps.profile.getViewer(
        { account: `accounts/${accountId}`, profile: `profiles/${profileId}`, title: `titles/${titleId}` },
        behalf,
      );
      return {
        tier: viewer?.tier ?? "",
        maxHeight: viewer?.maxHeight ?? 0,
        maxStreams: viewer?.maxStreams ?? 0,
        maximumAge: viewer?.maximumAge ?? 0,
        language: viewer?.language ?? "",
        resumePoint: resumePoint && {
          positionMs: resumePoint.position === undefined ? 0 : durationMs(resumePoint.position),
          isFinished: resumePoint.isFinished,
        },
      };
    },

    /** The catalog's one rule, with what plays. */
    async decide(titleId: string, asker: Asker, signal: AbortSignal): Promise<Decision> {
      const answer = await deps.catalog.checkAvailability({ title: `titles/${titleId}`, ...asker }, { signal });
      const { availability, title, package: pack } = answer;
      if (availability?.isAvailable !== true || pack === undefined) {
        return {
          isAvailable: false,
          reason: availability?.reason ?? "",
          message: availability?.message ?? "This title cannot be watched now.",
        };
      }
      return {
        isAvailable: true,
        endsAt: availability.endTime && timestampDate(availability.endTime),
        displayTitle: title?.displayTitle ?? "",
        pack: fromProtoPackage(pack),
      };
    },
  };
}
