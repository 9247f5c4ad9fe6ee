/** Between telemetry's contracts, what lies in the log, and its domain. */

import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, timestampDate } from "@bufbuild/protobuf/wkt";
import { type PlayGrant, PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import type { PlayerEvent as ProtoPlayerEvent, RecordedPlayerEvents } from "#gen/matinee/telemetry/v1/player_event_pb";
import type { QualitySummarySchema } from "#gen/matinee/telemetry/v1/telemetry_service_pb";
import { idOf, requireId } from "#pkg/aip/resource-name";
import {
  boundBitsPerSecond,
  boundSpanMs,
  boundText,
  boundTime,
  type PlayerEvent,
  type PlayerEventBatch,
  type PlayerEventKind,
} from "./domain/player-event.ts";
import type { QualitySummary } from "./domain/quality.ts";

/**
 * The grant in the claims of a play token; undefined where there is none. Nothing is allowed by it here, so its `critical`
 * is not asked.
 */
export function grantOf(claims: Readonly<Record<string, unknown>>): PlayGrant | undefined {
  try {
    return fromBinary(PlayGrantSchema, Buffer.from(String(claims.grant), "base64url"));
  } catch {
    return undefined;
  }
}

export function titleId(name: string): string | undefined {
  return idOf("titles", name);
}

export function titleName(id: string | undefined): string {
  return id === undefined ? "" : `titles/${id}`;
}

/** Events of a kind that this release does not know are left out. */
export function fromRecorded(recorded: RecordedPlayerEvents, appendedAt: Date): PlayerEventBatch {
  const receivedAt = recorded.receiveTime === undefined ? appendedAt : timestampDate(recorded.receiveTime);
  const isView = recorded.playSession === "";
  return {
    sessionId: isView ? requireId("views", recorded.view) : requireId("playSessions", recorded.playSession),
    titleId: titleId(recorded.title),
    territory: recorded.territory,
    receivedAt,
    events: recorded.events.flatMap((event) => {
      const told = fromProtoEvent(event, receivedAt);
      if (told === undefined) return [];
      return isView ? withoutPlaying(told) : told;
    }),
  };
}

/** Whether it can have happened only after a play began. What is not known yet is not counted either. */
export function needsPlay({ event }: ProtoPlayerEvent): boolean {
  return event.case !== undefined && !BEFORE_PLAY.has(event.case);
}

const BEFORE_PLAY: ReadonlySet<string> = new Set(["playRequested", "playerError", "playEnded"] satisfies NonNullable<
  ProtoPlayerEvent["event"]["case"]
>[]);

/** The end of a view that came to no session: whatever it claims, nothing was played. */
function withoutPlaying({ playingMs: _playing, stalledMs: _stalled, ...event }: PlayerEvent): PlayerEvent {
  return event;
}

function fromProtoEvent(proto: ProtoPlayerEvent, receivedAt: Date): PlayerEvent | undefined {
  const said = fromOneof(proto.event);
  if (said === undefined) return undefined;
  return {
    id: proto.id,
    sequence: proto.sequence,
    occurredAt: boundTime(proto.occurTime === undefined ? receivedAt : timestampDate(proto.occurTime), receivedAt),
    ...(proto.position && { positionMs: spanMs(proto.position) }),
    ...said,
  };
}

function fromOneof(
  event: ProtoPlayerEvent["event"],
): ({ readonly kind: PlayerEventKind } & Partial<PlayerEvent>) | undefined {
  switch (event.case) {
    case "playRequested":
      return { kind: "play_requested", player: boundText(event.value.player) };
    case "firstFrame":
      return { kind: "first_frame", startupMs: spanMs(event.value.startupTime) };
    case "rebufferEnded":
      return { kind: "rebuffer_ended", stallMs: spanMs(event.value.stallDuration) };
    case "renditionChanged":
      return {
        kind: "rendition_changed",
        height: event.value.height,
        bitsPerSecond: boundBitsPerSecond(Number(event.value.bitsPerSecond)),
      };
    case "playerError":
      return {
        kind: "player_error",
        code: boundText(event.value.code),
        message: boundText(event.value.message),
        isFatal: event.value.isFatal,
        isBusinessException: event.value.isBusinessException,
        ...(event.value.elapsedTime && { elapsedMs: spanMs(event.value.elapsedTime) }),
      };
    case "playEnded":
      return {
        kind: "play_ended",
        playingMs: spanMs(event.value.playingTime),
        stalledMs: spanMs(event.value.stalledTime),
      };
    case "sample":
      return {
        kind: "sample",
        playingMs: spanMs(event.value.playingTime),
        stalledMs: spanMs(event.value.stalledTime),
        bitsPerSecond: boundBitsPerSecond(Number(event.value.bitsPerSecond)),
        height: event.value.height,
        droppedFrames: event.value.droppedFrames,
      };
    default:
      return undefined;
  }
}

export function toProtoSummary(summary: QualitySummary): MessageInitShape<typeof QualitySummarySchema> {
  const { medianStartupMs, p95StartupMs, medianStartupFailureMs } = summary;
  return {
    viewCount: BigInt(summary.viewCount),
    startedCount: BigInt(summary.startedCount),
    ...(medianStartupMs !== undefined && { medianStartupTime: durationFromMs(medianStartupMs) }),
    ...(p95StartupMs !== undefined && { p95StartupTime: durationFromMs(p95StartupMs) }),
    rebufferRatio: summary.rebufferRatio,
    rebufferCountPerHour: summary.rebufferCountPerHour,
    exitBeforeStartCount: BigInt(summary.exitBeforeStartCount),
    startupFailureCount: BigInt(summary.startupFailureCount),
    playbackFailureCount: BigInt(summary.playbackFailureCount),
    businessExceptionCount: BigInt(summary.businessExceptionCount),
    playingTime: durationFromMs(summary.playingMs),
    averageBitsPerSecond: BigInt(summary.averageBitsPerSecond),
    startupFailureRatio: summary.startupFailureRatio,
    ...(medianStartupFailureMs !== undefined && { medianStartupFailureTime: durationFromMs(medianStartupFailureMs) }),
  };
}

/** Not `durationMs`, whose result for a nonsensical duration is no number that the sums could take. */
function spanMs(duration: Duration | undefined): number {
  return duration === undefined ? 0 : boundSpanMs(Number(duration.seconds) * 1000 + duration.nanos / 1e6);
}
