/** Settings of transcode-worker. */

import { defineConfig } from "#pkg/config/spec";

export const transcodeWorkerConfig = defineConfig({
  report: {
    type: "duration",
    default: "1s",
    min: "50ms",
    max: "10s",
    doc: "how often the progress of a task is reported",
  },
  taskTimeout: { type: "duration", default: "1h", min: "1s", max: "24h", doc: "longest run of FFmpeg for one task" },
  maxOutputBytes: {
    type: "integer",
    default: 17_179_869_184,
    min: 1_048_576,
    max: 1_099_511_627_776,
    doc: "largest file that FFmpeg may write",
  },
});
