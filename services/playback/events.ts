/** Business events of playback: into the outbox, counters and the log. */

import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  PlaybackEnded_Reason,
  PlaybackEndedSchema,
  PlaybackProgressedSchema,
  PlaybackStartedSchema,
} from "#gen/matinee/playback/v1/events_pb";
import type { LogWriter, Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { isFinished } from "./domain/progress.ts";
import type { EndReason, PlaySession } from "./domain/session.ts";
import type { Position } from "./progress.ts";

export const PLAYBACK_EVENTS = [PlaybackStartedSchema, PlaybackEndedSchema] as const;
export const PLAYBACK_RECORDS = [PlaybackProgressedSchema] as const;

const REASONS = {
  stopped: PlaybackEnded_Reason.STOPPED,
  expired: PlaybackEnded_Reason.EXPIRED,
  rights_ended: PlaybackEnded_Reason.RIGHTS_ENDED,
  replaced: PlaybackEnded_Reason.REPLACED,
  unavailable: PlaybackEnded_Reason.UNAVAILABLE,
  signed_out: PlaybackEnded_Reason.SIGNED_OUT,
  account_deleted: PlaybackEnded_Reason.ACCOUNT_DELETED,
  ended_elsewhere: PlaybackEnded_Reason.ENDED_ELSEWHERE,
} as const satisfies Record<EndReason, PlaybackEnded_Reason>;

export type PlaybackEvents = ReturnType<typeof openPlaybackEvents>;

export function openPlaybackEvents(deps: {
  readonly outbox: Outbox<(typeof PLAYBACK_EVENTS)[number]>;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly playTokenLifeMs: number;
}) {
  const { outbox, log } = deps;
  const starts = deps.metrics.counter("matinee_plays_started_total", "Plays that were started", ["device"]);
  const refusals = deps.metrics.counter("matinee_plays_refused_total", "Plays that were refused", ["reason"]);
  const ends = deps.metrics.counter("matinee_plays_ended_total", "Plays that ended", ["reason"]);
  const about = (session: PlaySession) => ({
    playSession: `playSessions/${session.id}`,
    account: `accounts/${session.accountId}`,
    profile: `profiles/${session.profileId}`,
    title: `titles/${session.titleId}`,
  });
  return {
    async started(tx: Tx, session: PlaySession): Promise<void> {
      const { territory, device } = session;
      const event = { ...about(session), asset: `assets/${session.assetId}`, territory, deviceKind: device.kind };
      await outbox.emit(tx, PlaybackStartedSchema, event, session.id);
      tx.afterCommit(() => {
        starts.add(1, { device: device.kind || "other" });
        log.info({ sessionId: session.id, titleId: session.titleId, accountId: session.accountId }, "play started");
      });
    },

    refused(titleId: string, accountId: string, reason: string): void {
      refusals.add(1, { reason });
      log.info({ titleId, accountId, reason }, "play refused");
    },

    /** `session` has ended. */
    async ended(tx: Tx, session: PlaySession): Promise<void> {
      const { startedAt, seenAt, positionMs, endedAt, endReason } = session;
      if (endedAt === undefined || endReason === undefined) throw new Error(`play ${session.id} has not ended`);
      await outbox.emit(
        tx,
        PlaybackEndedSchema,
        {
          ...about(session),
          position: durationFromMs(Math.round(positionMs)),
          watched: durationFromMs(Math.max(0, seenAt.getTime() - startedAt.getTime())),
          reason: REASONS[endReason],
          endTime: timestampFromDate(endedAt),
          tokenEndTime: timestampFromDate(new Date(endedAt.getTime() + deps.playTokenLifeMs)),
        },
        session.id,
      );
      tx.afterCommit(() => {
        ends.add(1, { reason: endReason });
        log.info({ sessionId: session.id, titleId: session.titleId, reason: endReason }, "play ended");
      });
    },
  };
}

/** Puts positions on the event log, keyed by profile. */
export function appendPositions(
  records: LogWriter<typeof PlaybackProgressedSchema>,
  positions: readonly Position[],
): Promise<void> {
  return records.append(
    PlaybackProgressedSchema,
    positions.map(({ sessionId, accountId, profileId, titleId, positionMs, durationMs, at }) => ({
      key: profileId,
      message: {
        playSession: `playSessions/${sessionId}`,
        account: `accounts/${accountId}`,
        profile: `profiles/${profileId}`,
        title: `titles/${titleId}`,
        position: durationFromMs(Math.round(positionMs)),
        duration: durationFromMs(durationMs),
        isFinished: isFinished(positionMs, durationMs),
        occurTime: timestampFromDate(at),
      },
    })),
  );
}
