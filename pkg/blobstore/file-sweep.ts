/** Walks the file adapter's folder: entries in key order, and what killed processes left behind. */

import type { Dirent } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "#pkg/obs/obs";
import { hasCode } from "./file-io.ts";
import type { Entry, FileLayout } from "./file-layout.ts";

/** Longer than any single write takes: what is older belongs to a process that died. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

/** Entries whose key starts with `prefix`, in the order of their keys' bytes. */
export async function* listEntries(layout: FileLayout, prefix: string): AsyncGenerator<Entry> {
  for await (const path of walk(layout.folderOf(prefix))) {
    const entry = await readEntry(path);
    if (entry?.key.startsWith(prefix)) yield entry;
  }
}

/** Removes what writes that never finished left in `tmp`, with the bytes that only they name. */
export async function sweepLeftovers(layout: FileLayout, now: Date, log: Logger): Promise<void> {
  for (const name of await readdir(layout.tmp)) {
    const path = layout.tmpPath(name);
    try {
      // Not mtime: a local file that is being linked in may be years old.
      if (now.getTime() - (await stat(path)).ctimeMs < LEFTOVER_AGE_MS) continue;
      if (name.endsWith(".json") || name.endsWith(".deleted")) await freeUnusedData(layout, path);
      await rm(path, { recursive: true, force: true });
      log.info({ path }, "swept a left-over of the blob store");
    } catch (error) {
      if (!hasCode(error, "ENOENT")) log.warn({ err: error, path }, "a left-over of the blob store stays");
    }
  }
}

/** `description` names the data file of a write or a delete that was cut short, and the one it was to replace. */
async function freeUnusedData(layout: FileLayout, description: string): Promise<void> {
  const cut = await readEntry(description);
  if (cut === undefined) return;
  const visible = await readEntry(layout.entryPath(cut.key));
  for (const data of [cut.data, cut.replaces]) {
    if (data !== undefined && data !== visible?.data) await rm(layout.dataPath(data), { force: true });
  }
}

async function* walk(folder: string): AsyncGenerator<string> {
  let children: Dirent[];
  try {
    children = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  const named = children.map((child) => ({ child, order: orderOf(child) }));
  named.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  if (!named.some(({ child }) => child.name.endsWith("+"))) {
    for (const { child } of named) {
      const path = join(folder, child.name);
      if (child.isDirectory()) yield* walk(path);
      else yield path;
    }
    return;
  }
  // A name that was cut continues in a folder of its own, whose keys may fall between those of its neighbours.
  const paths: { readonly path: string; readonly order: string }[] = [];
  for (const { child } of named) {
    const path = join(folder, child.name);
    if (!child.isDirectory()) paths.push({ path, order: path.replaceAll("+/", "") });
    else for await (const below of walk(path)) paths.push({ path: below, order: below.replaceAll("+/", "") });
  }
  paths.sort((a, b) => (a.order.slice(0, -1) < b.order.slice(0, -1) ? -1 : 1));
  for (const { path } of paths) yield path;
}

/** The part of the key that a child stands for: an entry without its "~", a folder with the "/" that follows it. */
function orderOf(child: Dirent): string {
  return child.isDirectory() ? `${child.name}/` : child.name.slice(0, -1);
}

async function readEntry(path: string): Promise<Entry | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Entry;
  } catch (error) {
    // A description that was cut short names no data file yet: it is written before the link.
    if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
