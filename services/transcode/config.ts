/** Settings of transcode. */

import { defineConfig } from "#pkg/config/spec";

export const transcodeConfig = defineConfig({
  preset: {
    type: "choice",
    choices: ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"],
    default: "veryfast",
    doc: "x264 preset: slower ones make smaller files of the same quality",
  },
  maxHeight: { type: "integer", default: 2160, min: 240, max: 4320, doc: "tallest rendition; never above the source" },
  chunkSeconds: {
    type: "number",
    default: 10,
    min: 2,
    max: 120,
    doc: "longest span of film that one task encodes; a killed worker loses at most this",
  },
  gopSeconds: { type: "number", default: 2, min: 0.5, max: 10, doc: "length of a closed group of pictures" },
  firstLookSeconds: {
    type: "number",
    default: 300,
    min: 10,
    max: 3600,
    doc: "longest span of film that one task of the first look encodes",
  },
  workers: {
    type: "integer",
    default: 2,
    min: 1,
    max: 1000,
    doc: "workers to plan for where fewer have asked for tasks lately",
  },
  audioBitsPerSecond: {
    type: "integer",
    default: 128_000,
    min: 32_000,
    max: 512_000,
    doc: "bit rate of a stereo sound track",
  },
  lease: {
    type: "duration",
    default: "15s",
    min: "1s",
    max: "10m",
    doc: "how long a silent worker keeps its task",
  },
  longPoll: {
    type: "duration",
    default: "20s",
    min: "100ms",
    max: "20s",
    doc: "how long LeaseTask waits for a task",
  },
  poll: {
    type: "duration",
    default: "5s",
    min: "50ms",
    max: "20s",
    doc: "how often a waiting LeaseTask looks at the rows when no hint comes",
  },
  sweep: { type: "duration", default: "2s", min: "50ms", max: "10m", doc: "how often late tasks are looked for" },
  hintAfter: {
    type: "duration",
    default: "30s",
    min: "100ms",
    max: "1h",
    doc: "how long a task waits before its hint counts as lost and is sent again",
  },
  maxAttempts: { type: "integer", default: 3, min: 1, max: 20, doc: "attempts at a task before its job fails" },
  retryDelay: {
    type: "duration",
    default: "1s",
    min: "0ms",
    max: "10m",
    doc: "pause before the second attempt at a task; doubled for each further one",
  },
  watchInterval: {
    type: "duration",
    default: "500ms",
    min: "50ms",
    max: "10s",
    doc: "how often watched jobs are looked at",
  },
  keepAlive: {
    type: "duration",
    default: "15s",
    min: "100ms",
    max: "1m",
    doc: "pause after which a watch stream says that it is alive",
  },
});
