/** Sessions of the command line, one for each origin, in one file that only its owner can read. */

import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { nowMs, sleep } from "@matinee/sdk/clock";
import { writePrivate } from "@matinee/sdk/file-node";
import type { SessionStore, StoredSession } from "@matinee/sdk/session";

const LOCK_WAIT_MS = 50;
/** A lock of this age belongs to a process that died. */
const LOCK_STALE_MS = 15_000;

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
      const lock = `${path}.lock`;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      while (!(await tryLock(lock))) await sleep(LOCK_WAIT_MS);
      try {
        return await work();
      } finally {
        await rm(lock, { recursive: true, force: true });
      }
    },
  };
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch {
    const age = await stat(path).then(
      ({ mtimeMs }) => nowMs() - mtimeMs,
      () => 0,
    );
    if (age > LOCK_STALE_MS) await rm(path, { recursive: true, force: true });
    return false;
  }
}
