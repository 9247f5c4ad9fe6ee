/** Ingestion's settings. */

import { defineConfig } from "#pkg/config/spec";

export const ingestionConfig = defineConfig({
  partSizeBytes: {
    type: "integer",
    default: 8 * 1024 * 1024,
    min: 5 * 1024 * 1024,
    max: 1024 * 1024 * 1024,
    doc: "Length of an upload's parts in bytes; larger files get larger parts, so that there are at most 10,000",
  },
  uploadTtl: {
    type: "duration",
    default: "168h",
    min: "1s",
    max: "720h",
    doc: "How long an upload may stay unfinished before its parts are removed",
  },
  signedUrlTtl: {
    type: "duration",
    default: "1h",
    min: "1s",
    max: "24h",
    doc: "How long a signed part URL works; clients ask again when it has run out",
  },
  inspections: {
    type: "integer",
    default: 2,
    min: 1,
    max: 64,
    doc: "How many completed uploads this process verifies and probes at the same time",
  },
  inspectionLease: {
    type: "duration",
    default: "30s",
    min: "1s",
    max: "10m",
    doc: "How long after the death of a process another one takes its inspections over",
  },
  inspectionAttempts: {
    type: "integer",
    default: 8,
    min: 1,
    max: 100,
    doc: "How often a file that cannot be inspected is tried before it is refused",
  },
  probeTimeout: {
    type: "duration",
    default: "10m",
    min: "1s",
    max: "2h",
    doc: "How long probing one file may take",
  },
});
