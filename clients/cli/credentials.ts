/** Sessions of the command line, one for each origin, in one file that only its owner can read. */

import { readFile } from "node:fs/promises";
import { writePrivate } from "@matinee/sdk/file-node";
import type { SessionStore, StoredSession } from "@matinee/sdk/session";
import { holdLock } from "./lock.ts";

export function fileSessionStore(path: string, origin: string): SessionStore {
  const readAll = async (): Promise<Record<string, StoredSession>> => {
    try {
      return JSON.parse(await readFile(path, "utf8")) as Record<string, StoredSession>;
    } catch {
      // Not there yet, or damaged: both mean that nobody is signed in.
      return {};
    }
  };
  return {
    load: async () => (await readAll())[origin],
    async save(session) {
      const { [origin]: _old, ...others } = await readAll();
      const all = session === undefined ? others : { ...others, [origin]: session };
      await writePrivate(path, `${JSON.stringify(all, null, 2)}\n`);
    },
    async exclusive(work) {
      await using _lock = await holdLock(`${path}.lock`);
      return await work();
    },
  };
}
