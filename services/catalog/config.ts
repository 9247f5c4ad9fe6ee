/** Settings of the catalog service. */

import { defineConfig } from "#pkg/config/spec";

export const catalogConfig = defineConfig({
  rowItems: { type: "integer", default: 20, min: 1, max: 100, doc: "Titles in a row of the home page." },
});
