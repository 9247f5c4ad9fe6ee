/** Telemetry's side of the event log and the event bus. */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { type PlayerEvent, RecordedPlayerEventsSchema } from "#gen/matinee/telemetry/v1/player_event_pb";
import type { Outbox } from "#pkg/app/module";
import type { EventLog, StoredRecord } from "#pkg/eventlog/eventlog";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { fromRecorded, titleName } from "./convert.ts";
import type { PlayerEventBatch } from "./domain/player-event.ts";
import type { Breach } from "./domain/quality.ts";

const TOPIC = "player-events";
const GROUP = "telemetry";

export interface TelemetryEvents {
  /** Resolves once the batch is durable. */
  record(batch: {
    readonly playSession: string;
    readonly title: string;
    readonly territory: string;
    readonly receivedAt: Date;
    readonly events: readonly PlayerEvent[];
  }): Promise<void>;
  /** Hands over what was recorded, at least once, until the signal is aborted; `handle` says how many events were new. */
  consume(handle: (batches: readonly PlayerEventBatch[]) => Promise<number>, signal: AbortSignal): Promise<void>;
  qualityAlert(tx: Tx, breach: Breach, now: Date): Promise<void>;
}

export function openTelemetryEvents(options: {
  readonly eventlog: EventLog;
  readonly outbox: Outbox<typeof QualityAlertSchema>;
  readonly metrics: Metrics;
  readonly log: Logger;
}): TelemetryEvents {
  const { eventlog, outbox, log } = options;
  const recorded = options.metrics.counter("matinee_telemetry_recorded_events_total", "Player events made durable");
  const counted = options.metrics.counter("matinee_telemetry_counted_events_total", "Player events counted, once each");
  const alerts = options.metrics.counter("matinee_telemetry_alerts_total", "Quality alerts, by metric", ["metric"]);

  return {
    async record({ receivedAt, events, ...about }) {
      const message = create(RecordedPlayerEventsSchema, {
        ...about,
        receiveTime: timestampFromDate(receivedAt),
        events: [...events],
      });
      const value = toBinary(RecordedPlayerEventsSchema, message);
      await eventlog.append(TOPIC, [{ key: about.playSession, value }]);
      recorded.add(events.length);
    },

    consume: (handle, signal) =>
      eventlog.consume(
        TOPIC,
        GROUP,
        async (records) => counted.add(await handle(records.flatMap((record) => parse(record, log)))),
        signal,
      ),

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

/** A record that cannot be read now never can: it is left out, or it would hold up its partition for ever. */
function parse(record: StoredRecord, log: Logger): PlayerEventBatch[] {
  try {
    return [fromRecorded(fromBinary(RecordedPlayerEventsSchema, record.value), record.appendedAt)];
  } catch (error) {
    log.error({ err: error, partition: record.partition, offset: String(record.offset) }, "a record cannot be read");
    return [];
  }
}
