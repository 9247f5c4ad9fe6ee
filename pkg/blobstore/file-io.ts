/** Durable writing of files, in constant memory. */

import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { hashFile, readFileChunks } from "#pkg/files/read";

export interface Written {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const WRITE_BYTES = 1024 * 1024;

/** Writes every chunk to a new file and syncs it to the disk. On failure the file is removed. */
export async function writeDurably(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<Written> {
  const handle = await open(path, "wx", 0o644);
  try {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    let waiting: Uint8Array[] = [];
    let waitingBytes = 0;
    for await (const chunk of chunks) {
      options.signal?.throwIfAborted();
      sizeBytes += chunk.byteLength;
      if (options.maxBytes !== undefined && sizeBytes > options.maxBytes) break;
      hash.update(chunk);
      waiting.push(chunk);
      waitingBytes += chunk.byteLength;
      if (waitingBytes >= WRITE_BYTES) {
        await writeAll(handle, waiting);
        waiting = [];
        waitingBytes = 0;
      }
    }
    options.signal?.throwIfAborted();
    await writeAll(handle, waiting);
    await handle.sync();
    await handle.close();
    return { sizeBytes, sha256: hash.digest("hex") };
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(path, { force: true });
    throw error;
  }
}

/** Size and SHA-256 of a file that is already there; it is synced to the disk too. */
export async function hashDurably(path: string, signal?: AbortSignal): Promise<Written> {
  const written = await hashFile(path, signal);
  await syncPath(path);
  return written;
}

/** The bytes of the files, one after the other. */
export async function* readFiles(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) yield* readFileChunks(path);
}

/** Syncs a file or a folder to the disk: a link is durable only after its folder is. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Runs `action`, making the folder of `path` where it is missing, also when it vanishes in between. */
export async function inFolderOf<T>(path: string, action: () => Promise<T>): Promise<T> {
  const attempts = 5;
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!hasCode(error, "ENOENT") || attempt === attempts) throw error;
      await mkdir(dirname(path), { recursive: true });
    }
  }
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  if (chunks.length === 0) return;
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  let offset = 0;
  while (offset < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, offset, bytes.byteLength - offset);
    offset += bytesWritten;
  }
}
