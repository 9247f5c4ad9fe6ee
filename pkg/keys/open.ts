/** Opens the keys that a URL names, loading only that adapter. */

import { fileURLToPath, pathToFileURL } from "node:url";
import type { Logger } from "#pkg/obs/obs";
import { errors } from "./errors.ts";
import type { Keys } from "./keys.ts";

export interface OpenKeysOptions {
  readonly log: Logger;
}

/** `file:///path/root.key` keeps root keys in a private file, made at first use; `memory:` forgets them at the end. */
export async function openKeys(url: string, options: OpenKeysOptions): Promise<Keys> {
  const scheme = url.slice(0, url.indexOf(":") + 1);
  switch (scheme) {
    case "file:": {
      const { openFileKeys } = await import("./file.ts");
      return openFileKeys(fileURLToPath(new URL(url, pathToFileURL(`${process.cwd()}/`))));
    }
    case "memory:": {
      const { openMemoryKeys } = await import("./file.ts");
      options.log.warn({}, "root keys are in memory only: what they wrap is lost when the process ends");
      return openMemoryKeys();
    }
    default:
      throw errors.KEYS_URL_UNSUPPORTED(scheme);
  }
}
