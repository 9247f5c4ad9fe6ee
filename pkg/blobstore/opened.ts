/** What a host gives an adapter of the port and gets from it. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Route } from "#pkg/rpc/call";
import type { BlobStore } from "./blobstore.ts";

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
