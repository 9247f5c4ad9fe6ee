/** Assets as their owners and operators see them. */

import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { type Asset, type AssetState, etagOf, type Scope } from "./domain/asset.ts";
import { errors } from "./errors.ts";
import type { IngestionEvents } from "./events.ts";
import type { AssetStore } from "./store/asset-store.ts";
import type { PurgeStore } from "./store/purge-store.ts";
import type { ShowingStore } from "./store/showing-store.ts";
import type { UploadStore } from "./store/upload-store.ts";

export interface AssetsOptions {
  readonly db: Db;
  readonly assets: AssetStore;
  readonly uploads: UploadStore;
  readonly purges: PurgeStore;
  readonly showings: ShowingStore;
  readonly events: IngestionEvents;
  readonly clock: Clock;
}

/** Of the titles that play an asset, a refusal names so many. */
const NAMED_TITLES = 5;

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

  /**
   * Removes it wherever it is on its way; again after that it changes nothing. Throws `ASSET_NOT_FOUND`, `ASSET_CHANGED`
   * where it has another etag than the one that is said, and `ASSET_IN_CATALOGUE` where it is not forced.
   */
  async delete(
    id: string,
    scope: Scope,
    { etag, isForced }: { readonly etag: string; readonly isForced: boolean },
  ): Promise<Asset> {
    const { db, assets, uploads, purges, showings, events, clock } = this.#options;
    return db.tx(async (tx) => {
      const now = clock.now();
      // The asset's row first: it says whether the caller may, and holds off who else would change it.
      const before = await assets.lock(tx, id, scope);
      if (before === undefined) throw errors.ASSET_NOT_FOUND();
      if (etag !== "" && etag !== etagOf(before)) throw errors.ASSET_CHANGED();
      if (before.state === "deleted") return before;
      const shown = isForced ? [] : await showings.of(tx, id, NAMED_TITLES);
      if (shown.length > 0) throw errors.ASSET_IN_CATALOGUE(shown);
      const canceled = await uploads.cancel(tx, id, now);
      const purgeAt = canceled?.freeAt ?? now;
      const asset = await assets.markDeleted(tx, id, { purgeAt, now });
      await purges.add(tx, { assetId: id, multipartId: canceled?.upload.multipartId, until: purgeAt }, now);
      await events.assetDeleted(tx, asset);
      return asset;
    });
  }
}
