/** The contract's methods: convert, call, convert. */

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { TelemetryService } from "#gen/matinee/telemetry/v1/telemetry_service_pb";
import type { Clock } from "#pkg/clock/clock";
import type { Handler } from "#pkg/rpc/call";
import { playSessionOf } from "#pkg/rpc/principal";
import { grantOf, titleId, toProtoSummary } from "./convert.ts";
import { errors } from "./errors.ts";
import type { TelemetryEvents } from "./events.ts";
import type { Quality } from "./quality.ts";

export function telemetryHandler(options: {
  readonly events: TelemetryEvents;
  readonly quality: Quality;
  readonly clock: Clock;
}): Handler<typeof TelemetryService> {
  const { events, quality, clock } = options;
  return {
    async recordPlayerEvents(request, call) {
      const grant = grantOf(playSessionOf(call).claims);
      if (grant === undefined || grant.playSession !== request.playSession) throw errors.TELEMETRY_SESSION_MISMATCH();
      await events.record({
        playSession: request.playSession,
        // Never the client's word: the token says what is played.
        title: grant.title,
        territory: grant.territory,
        receivedAt: clock.now(),
        events: request.events,
      });
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
