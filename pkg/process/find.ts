/** Where a program lies. */

import { access, constants, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

/** Where the system keeps its own programs. */
export const SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin";

/** The path of a program in the folders of `path`, of which there is none for an empty one; undefined where it is not. */
export async function findProgram(name: string, path: string = SYSTEM_PATH): Promise<string | undefined> {
  const places = isAbsolute(name) ? [name] : path.split(":").flatMap((folder) => (folder ? [join(folder, name)] : []));
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      if ((await stat(place)).isFile()) return place;
    } catch {
      // Not here.
    }
  }
  return undefined;
}
