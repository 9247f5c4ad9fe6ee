/** Opens the blob store that a URL names, loading only that adapter. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Route } from "#pkg/rpc/call";
import type { BlobStore } from "./blobstore.ts";
import { blobStoreUrlUnsupported } from "./errors.ts";

export interface OpenBlobStoreOptions {
  /** The store's name, such as `originals`: part of the URLs that it signs. */
  readonly name: string;
  /** Origin and path before the URLs that an adapter serves itself; empty, so relative, by default. */
  readonly publicBase?: string;
  /**
   * At least 32 bytes, the same in every process that serves this store's routes; undefined in a process that neither
   * signs nor serves.
   */
  readonly signingSecret: Uint8Array | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface OpenedBlobStore {
  readonly store: BlobStore;
  /** What the host must serve for signed requests to reach the store; empty where the engine has its own endpoint. */
  readonly routes: readonly Route[];
}

/**
 * `file:///folder` (a relative `file:./folder` counts from the working directory) keeps objects in a folder;
 * `memory:` keeps them in a temporary folder until the store is disposed.
 */
export async function openBlobStore(url: string, options: OpenBlobStoreOptions): Promise<OpenedBlobStore> {
  const scheme = url.slice(0, url.indexOf(":") + 1);
  switch (scheme) {
    case "file:": {
      const { openFileBlobStore } = await import("./file.ts");
      const folder = fileURLToPath(new URL(url, pathToFileURL(`${process.cwd()}/`)));
      return openFileBlobStore({ ...options, folder });
    }
    case "memory:": {
      const { openFileBlobStore } = await import("./file.ts");
      const folder = await mkdtemp(join(tmpdir(), "matinee-blobs-"));
      const onDispose = () => rm(folder, { recursive: true, force: true });
      return openFileBlobStore({ ...options, folder, onDispose });
    }
    default:
      throw blobStoreUrlUnsupported(scheme);
  }
}
