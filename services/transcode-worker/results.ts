/** Stores what a task made, under keys that are its hash, once. */

import type { BlobStore } from "#pkg/blobstore/blobstore";
import { isAppError } from "#pkg/errors/errors";
import { hashFile } from "#pkg/files/read";
import type { Blob, Made, Output, Task } from "./task.ts";

export interface Stores {
  readonly mezzanine: BlobStore;
  readonly images: BlobStore;
}

const HASH_CHARS = 32;

/** Hashes the files and stores those that are not there yet. */
export async function storeResults(
  task: Pick<Task, "assetId">,
  made: readonly Made[],
  stores: Stores,
  signal: AbortSignal,
): Promise<Output[]> {
  return Promise.all(made.map((file) => storeResult(task, file, stores, signal)));
}

async function storeResult(
  { assetId }: Pick<Task, "assetId">,
  { path, extension, contentType, ...made }: Made,
  stores: Stores,
  signal: AbortSignal,
): Promise<Output> {
  const { sha256, sizeBytes } = await hashFile(path, signal);
  const name = `${sha256.slice(0, HASH_CHARS)}.${extension}`;
  const store = extension === "jpg" || extension === "webp" ? "images" : "mezzanine";
  const key = store === "images" ? `${assetId}/${name}` : `${assetId}/${made.track}/${name}`;
  try {
    await stores[store].putFile(key, path, { contentType, sha256, ifAbsent: true, signal });
  } catch (error) {
    // The key is the hash: whoever stored it stored the same bytes.
    if (!(isAppError(error) && error.kind === "already_exists")) throw error;
  }
  const blob: Blob = { store, key, sha256, sizeBytes };
  const bitsPerSecond = made.durationSeconds > 0 ? (sizeBytes * 8) / made.durationSeconds : 0;
  return { ...made, blob, bitsPerSecond };
}
