/** Assets as their owners and operators see them. */

import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import type { Asset, AssetState, Scope } from "./domain/asset.ts";
import { errors } from "./errors.ts";
import type { IngestionEvents } from "./events.ts";
import type { AssetStore } from "./store/asset-store.ts";
import type { PurgeStore } from "./store/purge-store.ts";
import type { UploadStore } from "./store/upload-store.ts";

export interface AssetsOptions {
  readonly db: Db;
  readonly assets: AssetStore;
  readonly uploads: UploadStore;
  readonly purges: PurgeStore;
  readonly events: IngestionEvents;
  readonly clock: Clock;
}

export class Assets {
  readonly #options: AssetsOptions;

  constructor(options: AssetsOptions) {
    this.#options = options;
  }

  /** Throws `ASSET_NOT_FOUND`. */
  async load(id: string, scope: Scope): Promise<Asset> {
    const asset = await this.#options.assets.find(id, scope);
    if (asset === undefined) throw errors.ASSET_NOT_FOUND();
    return asset;
  }

  /** Newest first, after `afterId`; all but deleted ones where no state is named. */
  list(
    scope: Scope,
    state: AssetState | undefined,
    page: { readonly afterId: string | undefined; readonly limit: number },
  ): Promise<Asset[]> {
    return this.#options.assets.list(scope, state, page);
  }

  /** Removes it wherever it is on its way; again after that it changes nothing. Throws `ASSET_NOT_FOUND`. */
  async delete(id: string, scope: Scope): Promise<Asset> {
    const { db, assets, uploads, purges, events, clock } = this.#options;
    const deleted = await db.tx(async (tx) => {
      const now = clock.now();
      // The asset's row first: it says whether the caller may, and holds off who else would change it.
      const asset = await assets.markDeleted(tx, id, scope, now);
      if (asset === undefined) return undefined;
      const canceled = await uploads.cancel(tx, id, now);
      await purges.add(
        tx,
        { assetId: id, multipartId: canceled?.upload.multipartId, until: canceled?.freeAt ?? now },
        now,
      );
      await events.assetDeleted(tx, asset);
      return asset;
    });
    return deleted ?? this.load(id, scope);
  }
}
