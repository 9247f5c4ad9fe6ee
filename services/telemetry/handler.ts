/** The contract's methods: convert, call, convert. */

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { RecordPlayerEventsRequest, TelemetryService } from "#gen/matinee/telemetry/v1/telemetry_service_pb";
import type { Clock } from "#pkg/clock/clock";
import type { Call, Handler } from "#pkg/rpc/call";
import { profileOf } from "#pkg/rpc/principal";
import { grantOf, needsPlay, titleId, toProtoSummary } from "./convert.ts";
import { viewKey } from "./domain/view.ts";
import { errors } from "./errors.ts";
import type { RecordedBatch, TelemetryEvents } from "./events.ts";
import type { Quality } from "./quality.ts";

export function telemetryHandler(options: {
  readonly events: TelemetryEvents;
  readonly quality: Quality;
  readonly territoryOf: (call: Call) => string;
  readonly clock: Clock;
}): Handler<typeof TelemetryService> {
  const { events, quality, territoryOf, clock } = options;
  return {
    async recordPlayerEvents(request, call) {
      const about =
        call.principal.kind === "play_session"
          ? aboutSession(request, call.principal.claims)
          : aboutView(request, profileOf(call).profileId, territoryOf(call));
      await events.record({ ...about, receivedAt: clock.now(), events: request.events });
      const unknownCount = request.events.filter(({ event }) => event.case === undefined).length;
      return { acceptedCount: request.events.length, unknownCount };
    },

    async getQualitySummary(request) {
      const summary = await quality.summarize({
        titleId: titleId(request.title),
        from: request.startTime && timestampDate(request.startTime),
        to: request.endTime && timestampDate(request.endTime),
      });
      return { summary: toProtoSummary(summary) };
    },
  };
}

type About = Omit<RecordedBatch, "receivedAt" | "events">;

/** Never the client's word: the token says what is played. Throws `TELEMETRY_SESSION_MISMATCH`. */
function aboutSession(request: RecordPlayerEventsRequest, claims: Readonly<Record<string, unknown>>): About {
  const grant = grantOf(claims);
  if (grant === undefined || grant.playSession !== request.playSession) throw errors.TELEMETRY_SESSION_MISMATCH();
  return { playSession: request.playSession, view: "", title: grant.title, territory: grant.territory };
}

/** Throws `TELEMETRY_SESSION_MISMATCH`, `TELEMETRY_VIEW_INCOMPLETE` or `TELEMETRY_EVENT_NEEDS_PLAY`. */
function aboutView(request: RecordPlayerEventsRequest, profileId: string, territory: string): About {
  if (request.playSession !== "") throw errors.TELEMETRY_SESSION_MISMATCH();
  if (request.viewId === "") throw errors.TELEMETRY_VIEW_INCOMPLETE("view_id");
  if (request.title === "") throw errors.TELEMETRY_VIEW_INCOMPLETE("title");
  const early = request.events.findIndex(needsPlay);
  if (early >= 0) throw errors.TELEMETRY_EVENT_NEEDS_PLAY(early);
  return { playSession: "", view: `views/${viewKey(profileId, request.viewId)}`, title: request.title, territory };
}
