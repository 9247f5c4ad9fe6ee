/** Walks the file adapter's folder: entries in key order, and what killed processes left behind. */

import type { Dirent } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "#pkg/obs/obs";
import { hasCode } from "./file-io.ts";
import type { Entry, FileLayout } from "./file-layout.ts";

/** A living process touches its folder in this interval. */
const TOUCH_MS = 10_000;
/** What was not touched for so long belongs to a process that died. */
const LEFTOVER_AGE_MS = 6 * TOUCH_MS;
/** Longer than an upload may stay unfinished, by far; each part that comes begins it anew. */
const FORGOTTEN_AGE_MS = 60 * 24 * 3_600_000;

/**
 * Says again and again that this opening lives, and sweeps what others left that do not. A film in the clear may be among
 * it, so nobody waits for the next start. Dispose to stop; then nothing of this opening is left.
 */
export async function keepSweeping(layout: FileLayout, log: Logger): Promise<AsyncDisposable> {
  let turn: Promise<void> = Promise.resolve();
  const next = () => {
    turn = turn.then(async () => {
      try {
        await touch(layout);
        await sweepLeftovers(layout, log);
        await sweepForgotten(layout, log);
      } catch (err) {
        log.warn({ err }, "the blob store could not be swept");
      }
    });
    return turn;
  };
  await next();
  const timer = setInterval(next, TOUCH_MS);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await turn;
      await rm(layout.ownTmp, { recursive: true, force: true });
    },
  };
}

async function touch(layout: FileLayout): Promise<void> {
  // Again, too: a process that was stopped for minutes may have been taken for dead.
  await mkdir(layout.ownTmp, { recursive: true });
  const mark = join(layout.ownTmp, "alive");
  // The file system's own clock sets the folder's time, so that two machines with the same folder agree.
  await mkdir(mark);
  await rm(mark, { recursive: true, force: true });
}

/** Entries whose key starts with `prefix`, in the order of their keys' bytes. */
export async function* listEntries(layout: FileLayout, prefix: string): AsyncGenerator<Entry> {
  for await (const path of walk(layout.folderOf(prefix))) {
    const entry = await readEntry(path);
    if (entry?.key.startsWith(prefix)) yield entry;
  }
}

/** Removes what the writes of dead processes left in `tmp`, with the bytes that only they name. */
async function sweepLeftovers(layout: FileLayout, log: Logger): Promise<void> {
  const aliveAtMs = (await stat(layout.ownTmp)).mtimeMs;
  for (const opening of await readdir(layout.tmp)) {
    const folder = join(layout.tmp, opening);
    try {
      const { mtimeMs } = await stat(folder);
      if (folder === layout.ownTmp || aliveAtMs - mtimeMs < LEFTOVER_AGE_MS) continue;
      for (const name of await readdir(folder)) {
        if (name.endsWith(".json") || name.endsWith(".deleted")) await freeUnusedData(layout, join(folder, name));
      }
      await rm(folder, { recursive: true, force: true });
      log.info({ folder }, "swept what a dead process left in the blob store");
    } catch (error) {
      if (!hasCode(error, "ENOENT")) log.warn({ err: error, folder }, "a left-over of the blob store stays");
    }
  }
}

/** As a bucket's life-cycle rule does: whoever began these uploads was killed before it could remember them. */
async function sweepForgotten(layout: FileLayout, log: Logger): Promise<void> {
  const aliveAtMs = (await stat(layout.ownTmp)).mtimeMs;
  for (const id of await readdir(layout.multipart)) {
    const folder = layout.multipartFolder(id);
    const touched = await stat(folder).catch(() => undefined);
    if (touched === undefined || aliveAtMs - touched.mtimeMs < FORGOTTEN_AGE_MS) continue;
    await rm(folder, { recursive: true, force: true });
    log.info({ folder }, "swept a forgotten multipart upload");
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
