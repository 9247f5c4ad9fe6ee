/** Files of the disk as upload sources, and small JSON stores in a folder. Node only. */

import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { FileSource, Sha256 } from "./hashing.ts";
import type { StateStore } from "./upload-state.ts";

/** Throws Node's ENOENT and the like. */
export async function openFileSource(path: string): Promise<FileSource> {
  const { mtimeMs } = await stat(path);
  return {
    name: basename(path),
    blob: await openAsBlob(resolve(path)),
    modifiedMs: mtimeMs,
    newSha256: newNativeSha256,
  };
}

/** Several times as fast as the portable one, which hashes every byte of a film twice. */
function newNativeSha256(): Sha256 {
  let hash = createHash("sha256");
  return {
    init: () => {
      hash = createHash("sha256");
    },
    update: (bytes) => hash.update(bytes),
    digest: (encoding) => hash.digest(encoding),
  };
}

/** One file for each record, written whole or not at all, readable by its owner alone. */
export function folderStateStore<T>(folder: string): StateStore<T> {
  const fileOf = (key: string) => join(folder, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  const load = async (path: string): Promise<{ key: string; state: T } | undefined> => {
    try {
      return JSON.parse(await readFile(path, "utf8")) as { key: string; state: T };
    } catch {
      // Not there, or cut short by a crash: as good as not there.
      return undefined;
    }
  };
  return {
    load: async (key) => (await load(fileOf(key)))?.state,
    save: (key, state) => writePrivate(fileOf(key), JSON.stringify({ key, state })),
    remove: (key) => rm(fileOf(key), { force: true }),
    async list() {
      const names = await readdir(folder).catch(() => []);
      const records = await Promise.all(
        names.filter((name) => name.endsWith(".json")).map((name) => load(join(folder, name))),
      );
      return records.flatMap((record) => (record === undefined ? [] : [[record.key, record.state] as const]));
    },
  };
}

/** Replaces the file in one step; mode 0600, its folder 0700. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const folder = join(path, "..");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, text, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}
