/** Settings of the playback service. */

import { defineConfig } from "#pkg/config/spec";

export const playbackConfig = defineConfig({
  playTokenLife: { type: "duration", default: "5m", min: "30s", max: "1h", doc: "How long a play token lasts." },
  mediaTokenLife: { type: "duration", default: "24h", min: "1m", max: "48h", doc: "How long a manifest's URLs last." },
  heartbeatInterval: {
    type: "duration",
    default: "20s",
    min: "1s",
    max: "5m",
    doc: "How often a player says that it plays.",
  },
  slotLease: {
    type: "duration",
    default: "60s",
    min: "2s",
    max: "15m",
    doc: "How long a silent player keeps its stream slot from others; after twice as long its play ends.",
  },
  licenseLife: {
    type: "duration",
    default: "5m",
    min: "10s",
    max: "48h",
    doc: "How long a licence lasts; players renew it, and of a play that has ended none is renewed.",
  },
  availabilityCheck: {
    type: "duration",
    default: "60s",
    min: "1s",
    max: "1h",
    doc: "How long a play goes on before its heartbeat asks catalog again whether it may.",
  },
  mediaCacheMegabytes: {
    type: "integer",
    default: 128,
    min: 0,
    max: 1_000_000,
    doc: "How much of the media that was asked for lately stays in memory, in MiB; 0 keeps none.",
  },
  keyRotation: { type: "duration", default: "30d", min: "1h", max: "365d", doc: "How long a signing key signs." },
  keepEnded: { type: "duration", default: "30d", min: "1h", max: "400d", doc: "How long ended sessions are kept." },
});
