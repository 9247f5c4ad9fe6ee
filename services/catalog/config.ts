/** Settings of the catalog service. */

import { defineConfig } from "#pkg/config/spec";

export const catalogConfig = defineConfig({
  keepAlive: {
    type: "duration",
    default: "15s",
    min: "100ms",
    max: "60s",
    doc: "How often a silent stream of films says that it is alive",
  },
  filmStreamsPerAccount: {
    type: "integer",
    default: 32,
    min: 1,
    max: 1000,
    doc: "How many streams of films of one account this process keeps open",
  },
  rowItems: { type: "integer", default: 20, min: 1, max: 100, doc: "Titles in a row of the home page." },
});
