/** Settings of the recommendations service. */

import { defineConfig } from "#pkg/config/spec";

export const recommendationsConfig = defineConfig({
  maxRowItems: {
    type: "integer",
    default: 20,
    min: 1,
    max: 100,
    doc: "Titles in a row where the caller does not say.",
  },
});
