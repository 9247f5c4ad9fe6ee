/**
 * Reads files as iterables of chunks, in constant memory. A Node stream reports errors as events, and one that nobody
 * listens to ends the process; an iterable reports them to whoever reads it, and to nobody else.
 */

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** The largest chunk; a reader that is slow holds one. */
export const CHUNK_BYTES = 512 * 1024;

export interface ReadOptions {
  /** The first byte; 0 unless given. */
  readonly start?: number;
  /** The last byte, included; the file's last unless given. */
  readonly end?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a file. It is opened at the first read, so what is never read holds nothing, and closed when the reader
 * stops, whatever the reason. Rejects with the signal's reason or the system's error.
 */
export async function* readFileChunks(path: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  options.signal?.throwIfAborted();
  yield* readHandleChunks(await open(path, "r"), options);
}

/** The same for a file that is open already; it is closed too. Must be read from at once. */
export async function* readHandleChunks(handle: FileHandle, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  const { start = 0, end = Number.POSITIVE_INFINITY, signal } = options;
  try {
    let position = start;
    while (position <= end) {
      signal?.throwIfAborted();
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position + 1));
      const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield bytesRead === chunk.byteLength ? chunk : chunk.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Size and SHA-256, in lower-case hex, of a file. */
export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of readFileChunks(path, { signal })) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}
