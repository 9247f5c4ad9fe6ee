/** Settings of the license module. */

import { defineConfig } from "#pkg/config/spec";

export const licenseConfig = defineConfig({
  clearkeyEnabled: {
    type: "boolean",
    default: true,
    doc: "Whether ClearKey licences are issued. They protect nothing: the page sees the key. For development and tests.",
  },
  keyCacheSize: {
    type: "integer",
    default: 1000,
    min: 0,
    max: 100_000,
    doc: "Content keys that are kept unwrapped in memory, so that a licence need not ask the key service; 0 keeps none.",
  },
  recordRetention: {
    type: "duration",
    default: "400d",
    min: "31d",
    max: "3660d",
    doc: "How long licence records are kept; they go by whole months.",
  },
  keyCacheTtl: {
    type: "duration",
    default: "60s",
    min: "1s",
    max: "10m",
    doc: "How long a content key is kept unwrapped before it is zeroed.",
  },
});
