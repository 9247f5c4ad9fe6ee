/** Ingestion's settings. */

import { defineConfig } from "#pkg/config/spec";
import { DEFAULT_LIMITS, HIGHEST_LIMITS } from "#pkg/media/limits";

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
  maxFilmDuration: {
    type: "duration",
    default: "24h",
    min: "1m",
    max: "168h",
    doc: "Longest film that is taken; a file that claims to be longer is refused with MEDIA_TOO_LONG",
  },
  maxVideoStreams: {
    type: "integer",
    default: DEFAULT_LIMITS.videoStreams,
    min: 1,
    max: HIGHEST_LIMITS.videoStreams,
    doc: "How many video streams, cover art among them, a file may have; more are refused with MEDIA_TOO_MANY_STREAMS",
  },
  maxAudioStreams: {
    type: "integer",
    default: DEFAULT_LIMITS.audioStreams,
    min: 1,
    max: HIGHEST_LIMITS.audioStreams,
    doc: "How many sound tracks a file may have",
  },
  maxTextStreams: {
    type: "integer",
    default: DEFAULT_LIMITS.textStreams,
    min: 1,
    max: HIGHEST_LIMITS.textStreams,
    doc: "How many caption tracks a file may have",
  },
  maxOtherStreams: {
    type: "integer",
    default: DEFAULT_LIMITS.otherStreams,
    min: 0,
    max: HIGHEST_LIMITS.otherStreams,
    doc: "How many attachments and other streams a file may have",
  },
  maxDescriptionBytes: {
    type: "integer",
    default: DEFAULT_LIMITS.descriptionBytes,
    min: 65_536,
    max: HIGHEST_LIMITS.descriptionBytes,
    doc: "Length of what describes a file's streams, titles and languages; more is refused with MEDIA_DESCRIPTION_TOO_LARGE",
  },
  maxPictureSide: {
    type: "integer",
    default: DEFAULT_LIMITS.pictureSide,
    min: 256,
    max: HIGHEST_LIMITS.pictureSide,
    doc: "Largest width or height in pixels, as stored and as shown; larger pictures are refused with MEDIA_PICTURE_TOO_LARGE",
  },
  maxFramesPerPicture: {
    type: "integer",
    default: DEFAULT_LIMITS.framesPerPicture,
    min: 1,
    max: HIGHEST_LIMITS.framesPerPicture,
    doc: "How many frames each picture of a film stands for on average; a film that claims more is refused with MEDIA_BEYOND_CONTENT",
  },
});
