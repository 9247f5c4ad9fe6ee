/** Telemetry: takes in what players measure and answers how good playing is. */

import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { RecordedPlayerEventsSchema } from "#gen/matinee/telemetry/v1/player_event_pb";
import { TelemetryService } from "#gen/matinee/telemetry/v1/telemetry_service_pb";
import { defineModule, read, serve } from "#pkg/app/module";
import { looping } from "#pkg/work/loop";
import { telemetryConfig } from "./config.ts";
import { openTelemetryEvents } from "./events.ts";
import { telemetryHandler } from "./handler.ts";
import { Quality } from "./quality.ts";
import { openQualityStore } from "./store/quality-store.ts";

export const telemetry = defineModule({
  name: "telemetry",
  summary: "Takes in what players measure and answers how good playing is",
  owns: ["player event", "quality view"],
  config: telemetryConfig,
  serves: [TelemetryService],
  routes: [],
  calls: [],
  needs: ["postgres"],
  emits: [QualityAlertSchema],
  consumes: [],
  appends: [RecordedPlayerEventsSchema],
  reads: [RecordedPlayerEventsSchema],
  migrations: new URL("./migrations/", import.meta.url),
  async open(host, config) {
    const { postgres: db, clock, territoryOf } = host;
    const events = openTelemetryEvents(host);
    const quality = new Quality({
      db,
      store: openQualityStore(db),
      events,
      clock,
      sessionSilenceMs: config.sessionSilence,
      eventRetentionMs: config.eventRetention,
      sessionRetentionMs: config.sessionRetention,
      alerts: {
        intervalMs: config.alertInterval,
        windowMs: config.alertWindow,
        minSessions: config.alertMinSessions,
        rebufferRatio: config.alertRebufferRatio,
        pauseMs: config.alertPause,
      },
    });
    return {
      services: [serve(TelemetryService, telemetryHandler({ events, quality, territoryOf, clock }))],
      readers: [read(RecordedPlayerEventsSchema, (batch) => events.counted(batch, (some) => quality.count(some)))],
      background: [looping("alerts", () => quality.checkAlerts(), host), looping("prune", () => quality.prune(), host)],
      ready: () => db.ping(),
    };
  },
});
