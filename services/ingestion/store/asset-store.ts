/** Assets in Postgres. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { Asset, AssetState, IngestedAsset, Rejection, Scope } from "../domain/asset.ts";
import type { Media } from "../domain/media.ts";
import { ASSET_COLUMNS, type AssetRow, toAsset } from "./rows.ts";

export interface AssetStore {
  insert(tx: Tx, asset: Asset): Promise<void>;
  find(id: string, scope: Scope, from?: Queryable): Promise<Asset | undefined>;
  /** Newest first, after `afterId` where it is given; all states but `deleted` where none is named. */
  list(
    scope: Scope,
    state: AssetState | undefined,
    page: { readonly afterId: string | undefined; readonly limit: number },
  ): Promise<Asset[]>;
  /** Uploading to inspecting. */
  markInspecting(tx: Tx, id: string, now: Date): Promise<Asset>;
  /** Inspecting to ready. */
  markReady(
    tx: Tx,
    id: string,
    found: { readonly sha256: string; readonly media: Media },
    now: Date,
  ): Promise<IngestedAsset>;
  /** Inspecting to rejected. */
  markRejected(tx: Tx, id: string, rejection: Rejection, now: Date): Promise<Asset>;
  /** Assets that changed since they were last told of, marked as told. */
  takeUntold(tx: Tx, limit: number): Promise<Asset[]>;
  /** Holds off who else would change it. Undefined where it is not in scope. */
  lock(tx: Tx, id: string, scope: Scope): Promise<Asset | undefined>;
  /** From whatever it was. */
  markDeleted(tx: Tx, id: string, times: { readonly purgeAt: Date; readonly now: Date }): Promise<Asset>;
}

/** Hints that an asset changed. */
export const ASSET_CHANGES_CHANNEL = "asset_changes";

export function openAssetStore(db: Db): AssetStore {
  return {
    async insert(tx, asset) {
      await tx.execute(
        `insert into assets (id, owner_id, file_name, state, protection, size_bytes, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          asset.id,
          asset.ownerId,
          asset.fileName,
          asset.state,
          asset.protection,
          asset.sizeBytes,
          asset.createdAt,
          asset.updatedAt,
        ],
      );
    },

    async find(id, scope, from = db) {
      const rows = await from.query<AssetRow>(
        `select ${ASSET_COLUMNS} from assets where id = $1 and ($2::uuid is null or owner_id = $2)`,
        [id, scope.ownerId ?? null],
      );
      return rows[0] && toAsset(rows[0]);
    },

    async list(scope, state, page) {
      const rows = await db.query<AssetRow>(
        `select ${ASSET_COLUMNS} from assets
         where ($1::uuid is null or owner_id = $1)
           and (case when $2::text is null then state <> 'deleted' else state = $2 end)
           and ($3::uuid is null or id < $3)
         order by id desc limit $4`,
        [scope.ownerId ?? null, state ?? null, page.afterId ?? null, page.limit],
      );
      return rows.map(toAsset);
    },

    async markInspecting(tx, id, now) {
      return changed(
        await tx.query<AssetRow>(
          `update assets set state = 'inspecting', version = version + 1, updated_at = $2
           where id = $1 and state = 'uploading' returning ${ASSET_COLUMNS}`,
          [id, now],
        ),
      );
    },

    async markReady(tx, id, found, now) {
      const asset = changed(
        await tx.query<AssetRow>(
          `update assets set state = 'ready', sha256 = $2, media = $3, version = version + 1, updated_at = $4
           where id = $1 and state = 'inspecting' returning ${ASSET_COLUMNS}`,
          [id, found.sha256, JSON.stringify(found.media), now],
        ),
      );
      return { ...asset, ...found };
    },

    async markRejected(tx, id, rejection, now) {
      return changed(
        await tx.query<AssetRow>(
          `update assets
           set state = 'rejected', rejection_reason = $2, rejection_message = $3, version = version + 1, updated_at = $4
           where id = $1 and state = 'inspecting' returning ${ASSET_COLUMNS}`,
          [id, rejection.reason, rejection.message, now],
        ),
      );
    },

    async takeUntold(tx, limit) {
      const rows = await tx.query<AssetRow>(
        `with next as materialized (
           select id from assets where told_version < version order by id limit $1 for update skip locked)
         update assets set told_version = version where id in (select id from next)
         returning ${ASSET_COLUMNS}`,
        [limit],
      );
      return rows.map(toAsset);
    },

    async lock(tx, id, scope) {
      const rows = await tx.query<AssetRow>(
        `select ${ASSET_COLUMNS} from assets where id = $1 and ($2::uuid is null or owner_id = $2) for update`,
        [id, scope.ownerId ?? null],
      );
      return rows[0] && toAsset(rows[0]);
    },

    async markDeleted(tx, id, { purgeAt, now }) {
      return changed(
        await tx.query<AssetRow>(
          `update assets
           set state = 'deleted', rejection_reason = null, rejection_message = null, purge_at = $2,
               version = version + 1, updated_at = $3
           where id = $1 and state <> 'deleted' returning ${ASSET_COLUMNS}`,
          [id, purgeAt, now],
        ),
      );
    },
  };
}

/** The upload's state, checked first in the same transaction, decides about the asset's; both change together. */
function changed(rows: readonly AssetRow[]): Asset {
  const row = rows[0];
  if (row === undefined) throw new Error("asset and upload disagree about their state");
  return toAsset(row);
}
