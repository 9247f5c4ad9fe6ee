/** Notification's settings. */

import { defineConfig } from "#pkg/config/spec";

export const notificationConfig = defineConfig({
  keepAlive: {
    type: "duration",
    default: "15s",
    min: "100ms",
    max: "60s",
    doc: "How often a silent stream says that it is alive, and looks for what a lost hint did not tell",
  },
  streamsPerAccount: {
    type: "integer",
    default: 32,
    min: 1,
    max: 1000,
    doc: "How many streams of one account this process keeps open",
  },
  retention: {
    type: "duration",
    default: "2160h",
    min: "1h",
    max: "8760h",
    doc: "How long notifications are kept",
  },
});
