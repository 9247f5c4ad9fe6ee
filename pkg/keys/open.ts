/** Opens the keys that a URL names, loading only that adapter. */

import { fileURLToPath, pathToFileURL } from "node:url";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { errors } from "./errors.ts";
import type { Keys } from "./keys.ts";

export interface OpenKeysOptions {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * `file:///path/root.key` keeps root keys in a private file, made at first use; `memory:` forgets them at the end.
 * `awskms:alias/NAME`, `awskms:KEY_ID` or `awskms:ARN` is a symmetric key of AWS KMS that is there already; region, endpoint
 * and credentials are what the AWS SDK finds in the environment, in its files or in the machine's role.
 */
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
    case "awskms:": {
      const { openAwsKeys } = await import("./awskms.ts");
      return openAwsKeys({ url, clock: options.clock });
    }
    default:
      throw errors.KEYS_URL_UNSUPPORTED(scheme);
  }
}
