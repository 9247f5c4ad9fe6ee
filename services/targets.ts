/** The modules, by name: the architecture on one screen. */

import type { Module } from "#pkg/app/module";
import { catalog } from "./catalog/module.ts";
import { ingestion } from "./ingestion/module.ts";
import { license } from "./license/module.ts";
import { notification } from "./notification/module.ts";
import { packager } from "./packager/module.ts";
import { playback } from "./playback/module.ts";
import { profile } from "./profile/module.ts";
import { recommendations } from "./recommendations/module.ts";
import { telemetry } from "./telemetry/module.ts";
import { transcode } from "./transcode/module.ts";
import { transcodeWorker } from "./transcode-worker/module.ts";

/** In the order of a film's way through them. */
export const modules: readonly Module[] = [
  ingestion,
  transcode,
  transcodeWorker,
  packager,
  license,
  catalog,
  profile,
  recommendations,
  playback,
  telemetry,
  notification,
];
