/** The playback service's contract onto its use cases. */

import { type Duration, durationFromMs, durationMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Device as ProtoDevice } from "#gen/matinee/playback/v1/play_session_pb";
import type { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { loadPage } from "#pkg/aip/page";
import { requireId } from "#pkg/aip/resource-name";
import { onBehalfOf } from "#pkg/rpc/behalf";
import type { Call, Handler } from "#pkg/rpc/call";
import { playSessionOf, profileOf, userOf } from "#pkg/rpc/principal";
import { fromProtoDevice, heldGrantOf, toProtoFormat, toProtoLicenseServer, toProtoSession } from "./convert.ts";
import type { Sessions } from "./sessions.ts";

export function playbackHandler(deps: {
  readonly sessions: Sessions;
  readonly territoryOf: (call: Call) => string;
  readonly heartbeatIntervalMs: number;
}): Handler<typeof PlaybackService> {
  const { sessions } = deps;
  const heartbeatInterval = durationFromMs(deps.heartbeatIntervalMs);
  return {
    async startPlayback({ title, device, requestId }, call) {
      const { accountId, profileId, sessionId } = profileOf(call);
      const started = await sessions.start(
        {
          accountId,
          profileId,
          signInId: sessionId,
          titleId: requireId("titles", title),
          territory: deps.territoryOf(call),
          requestId,
          ...fromProtoDevice(device as ProtoDevice),
        },
        onBehalfOf(call),
      );
      return {
        playSession: toProtoSession(started.session, started.leaseEndsAt),
        manifests: started.manifests.map(({ format, uri }) => ({ format: toProtoFormat(format), uri })),
        licenseServers: started.licenseServers.map(toProtoLicenseServer),
        playToken: started.playToken.token,
        playTokenExpireTime: timestampFromDate(started.playToken.expiresAt),
        heartbeatInterval,
        resumePosition: durationFromMs(started.resumePositionMs),
        preferredLanguage: started.language,
        duration: durationFromMs(started.session.durationMs),
      };
    },

    async heartbeat({ playSession, position }, call) {
      const fresh = await sessions.heartbeat(
        requireId("playSessions", playSession),
        heldGrantOf(playSessionOf(call).claims),
        positionMs(position),
        call.signal,
      );
      return {
        playToken: fresh.token,
        playTokenExpireTime: timestampFromDate(fresh.expiresAt),
        heartbeatInterval,
      };
    },

    async stopPlayback({ playSession, position }, call) {
      const held = heldGrantOf(playSessionOf(call).claims);
      await sessions.stop(requireId("playSessions", playSession), held, positionMs(position));
      return {};
    },

    async listPlaySessions(request, call) {
      const { accountId } = userOf(call);
      const page = await loadPage(request, {
        parameters: [],
        load: (limit, after) => sessions.listLive(accountId, limit, after && String(after.id)),
        cursorOf: ({ session }) => ({ id: session.id }),
      });
      return {
        playSessions: page.items.map(({ session, leaseEndsAt }) => toProtoSession(session, leaseEndsAt)),
        nextPageToken: page.nextPageToken,
      };
    },

    async endPlaySession({ name }, call) {
      await sessions.endFor(userOf(call).accountId, requireId("playSessions", name));
      return {};
    },
  };
}

function positionMs(position: Duration | undefined): number {
  return position === undefined ? 0 : Math.max(0, durationMs(position));
}
