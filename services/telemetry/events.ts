/** Telemetry's side of the event log and the event bus. */

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { type PlayerEvent, RecordedPlayerEventsSchema } from "#gen/matinee/telemetry/v1/player_event_pb";
import type { LogWriter, Outbox, ReadRecord } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { fromRecorded, titleName } from "./convert.ts";
import type { PlayerEventBatch } from "./domain/player-event.ts";
import type { Breach } from "./domain/quality.ts";

export interface RecordedBatch {
  /** `playSessions/{uuid}`; empty for a view that came to none. */
  readonly playSession: string;
  /** Of such a view, `views/{uuid}`; else empty. */
  readonly view: string;
  readonly title: string;
  readonly territory: string;
  readonly receivedAt: Date;
  readonly events: readonly PlayerEvent[];
}

export interface TelemetryEvents {
  /** Resolves once the batch is durable. */
  record(batch: RecordedBatch): Promise<void>;
  /** Hands over what was recorded; `handle` says how many events were new. */
  counted(
    records: readonly ReadRecord<typeof RecordedPlayerEventsSchema>[],
    handle: (batches: readonly PlayerEventBatch[]) => Promise<number>,
  ): Promise<void>;
  qualityAlert(tx: Tx, breach: Breach, now: Date): Promise<void>;
}

export function openTelemetryEvents(options: {
  readonly records: LogWriter<typeof RecordedPlayerEventsSchema>;
  readonly outbox: Outbox<typeof QualityAlertSchema>;
  readonly metrics: Metrics;
  readonly log: Logger;
}): TelemetryEvents {
  const { records, outbox, log } = options;
  const recorded = options.metrics.counter("matinee_telemetry_recorded_events_total", "Player events made durable");
  const unknown = options.metrics.counter(
    "matinee_telemetry_unknown_events_total",
    "Player events of kinds that this release does not know, among the recorded",
  );
  const counted = options.metrics.counter("matinee_telemetry_counted_events_total", "Player events counted, once each");
  const alerts = options.metrics.counter("matinee_telemetry_alerts_total", "Quality alerts, by metric", ["metric"]);

  return {
    async record({ receivedAt, events, ...about }) {
      const message = { ...about, receiveTime: timestampFromDate(receivedAt), events: [...events] };
      await records.append(RecordedPlayerEventsSchema, [{ key: about.playSession || about.view, message }]);
      recorded.add(events.length);
      unknown.add(events.filter(({ event }) => event.case === undefined).length);
    },

    async counted(read, handle) {
      counted.add(await handle(read.flatMap((record) => parse(record, log))));
    },

    async qualityAlert(tx, breach, now) {
      const { metric, value, threshold } = breach;
      const title = titleName(breach.titleId);
      const alert = { metric, title, value, threshold, occurTime: timestampFromDate(now) };
      await outbox.emit(tx, QualityAlertSchema, alert, breach.titleId ?? metric);
      tx.afterCommit(() => {
        alerts.add(1, { metric });
        log.warn({ metric, title, value, threshold }, "quality is worse than allowed");
      });
    },
  };
}

/** A record that makes no sense now never will: it is left out, or it would hold up its partition for ever. */
function parse(record: ReadRecord<typeof RecordedPlayerEventsSchema>, log: Logger): PlayerEventBatch[] {
  try {
    return [fromRecorded(record.message, record.appendedAt)];
  } catch (err) {
    log.error(
      { err, playSession: record.message.playSession, view: record.message.view },
      "a record of player events makes no sense",
    );
    return [];
  }
}
