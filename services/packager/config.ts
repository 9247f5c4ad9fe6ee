/** Settings of the packager module. */

import { defineConfig } from "#pkg/config/spec";

export const packagerConfig = defineConfig({
  segment: {
    type: "duration",
    default: "4s",
    min: "1s",
    max: "20s",
    doc: "Length of a segment, rounded up to the next group of pictures. Short ones start sooner, long ones cost fewer requests.",
  },
  concurrency: {
    type: "integer",
    default: 1,
    min: 0,
    max: 32,
    doc: "Packages that this process makes at the same time; 0 makes none here.",
  },
  lease: {
    type: "duration",
    default: "60s",
    min: "1s",
    max: "1h",
    doc: "How long a revision stays with a process that has stopped renewing before another takes it.",
  },
  maxAttempts: {
    type: "integer",
    default: 4,
    min: 1,
    max: 100,
    doc: "Runs that may end in a failure, or with the process, before a revision has failed.",
  },
  retryDelay: {
    type: "duration",
    default: "2s",
    min: "1ms",
    max: "1h",
    doc: "Pause before the second run; doubled for each further one.",
  },
  unavailableDelay: {
    type: "duration",
    default: "5s",
    min: "1ms",
    max: "1h",
    doc: "Pause before a run is tried again because a service or a store did not answer; such a run does not count.",
  },
  timeLimit: {
    type: "duration",
    default: "1h",
    min: "1s",
    max: "24h",
    doc: "How long Shaka Packager may run on one revision.",
  },
  sweepEvery: {
    type: "duration",
    default: "60s",
    min: "10ms",
    max: "24h",
    doc: "How often the left-overs of dead runs and of deleted assets are looked for.",
  },
});
