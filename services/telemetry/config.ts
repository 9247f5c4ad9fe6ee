/** Telemetry's settings. */

import { defineConfig } from "#pkg/config/spec";

export const telemetryConfig = defineConfig({
  eventRetention: {
    type: "duration",
    default: "168h",
    min: "1h",
    max: "8760h",
    doc: "How long single player events are kept",
  },
  sessionRetention: {
    type: "duration",
    default: "2160h",
    min: "1h",
    max: "17520h",
    doc: "How long what a session's events add up to is kept; summaries reach back as far",
  },
  sessionSilence: {
    type: "duration",
    default: "2m",
    min: "1s",
    max: "1h",
    doc: "A session that said nothing for so long is over",
  },
  alertInterval: {
    type: "duration",
    default: "1m",
    min: "100ms",
    max: "1h",
    doc: "How often quality is compared with what is allowed",
  },
  alertWindow: {
    type: "duration",
    default: "10m",
    min: "1s",
    max: "24h",
    doc: "Sessions that said something within this time are compared",
  },
  alertMinSessions: {
    type: "integer",
    default: 20,
    min: 1,
    max: 1_000_000,
    doc: "Fewer started sessions than this raise no alert",
  },
  alertRebufferRatio: {
    type: "number",
    default: 0.02,
    min: 0,
    max: 1,
    doc: "Stalled time by stalled and playing time that is allowed",
  },
  alertPause: {
    type: "duration",
    default: "1h",
    min: "1s",
    max: "168h",
    doc: "How long an alert that was raised is not raised again",
  },
});
