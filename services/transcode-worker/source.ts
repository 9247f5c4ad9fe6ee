/** The original on local disk, kept from task to task of the same asset, and what the probe finds in it. */

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { HIGHEST_LIMITS } from "#pkg/media/limits";
import { type MediaInfo, probe } from "#pkg/media/probe";
import type { Blob } from "./task.ts";

export interface Source {
  readonly path: string;
  readonly info: MediaInfo;
}

/** Holds one original at a time, so that scratch space is bounded by the largest film. */
export class SourceCache {
  readonly #originals: BlobStore;
  readonly #folder: string;
  #held: { readonly key: string; readonly source: Source } | undefined;

  constructor(originals: BlobStore, folder: string) {
    this.#originals = originals;
    this.#folder = folder;
  }

  /** Throws `BLOB_NOT_FOUND` and what the probe throws. */
  async open(blob: Blob, signal: AbortSignal): Promise<Source> {
    if (this.#held?.key === blob.key) return this.#held.source;
    this.#held = undefined;
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    // A name of our own: the original's says nothing that FFmpeg should go by.
    const path = join(this.#folder, "original");
    await this.#originals.getFile(blob.key, path, { signal });
    // The inspection has judged it; what it let pass, under settings of its own, is not refused here.
    const source = { path, info: await probe(path, { signal, limits: HIGHEST_LIMITS }) };
    this.#held = { key: blob.key, source };
    return source;
  }
}
