/** Wrapped content keys and the initialization vectors that tracks were encrypted with. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { ContentKeyIv, KeyClass, WrappedContentKey } from "../domain/content-key.ts";
import { type ContentKeyIvRow, type ContentKeyRow, toContentKey, toContentKeyIv } from "./rows.ts";

export interface KeyStore {
  /** The asset's keys, of these classes only. */
  ofAsset(assetId: string, classes: readonly KeyClass[]): Promise<WrappedContentKey[]>;
  /** Those of the key ids that exist. */
  byIds(keyIds: readonly Uint8Array[]): Promise<WrappedContentKey[]>;
  /** Adds a key where its asset and class have none yet; false where another was faster or the asset is gone. */
  add(key: WrappedContentKey): Promise<boolean>;
  isDeleted(assetId: string): Promise<boolean>;
  /** Stores vectors; the same revision and track again replaces. */
  putIvs(
    tx: Tx,
    of: { assetId: string; packageId: string; revision: number },
    ivs: readonly ContentKeyIv[],
  ): Promise<void>;
  /** What the tracks of a revision are encrypted with, those of these keys only. */
  ivsOf(of: { packageId: string; revision: number }, keyIds: readonly Uint8Array[]): Promise<ContentKeyIv[]>;
  /** Deletes every key of the asset for good and remembers that it is gone. */
  deleteAsset(tx: Tx, assetId: string, at: Date): Promise<void>;
}

const COLUMNS = "key_id, asset_id, track_class, wrapped_key, created_at";

export function openKeyStore(db: Db): KeyStore {
  return {
    async ofAsset(assetId, classes) {
      const rows = await db.query<ContentKeyRow>(
        `select ${COLUMNS} from content_keys where asset_id = $1 and track_class = any($2::text[])`,
        [assetId, classes],
      );
      return rows.map(toContentKey);
    },

    async byIds(keyIds) {
      const rows = await db.query<ContentKeyRow>(
        `select ${COLUMNS} from content_keys where key_id = any($1::bytea[])`,
        [keyIds.map((keyId) => Buffer.from(keyId))],
      );
      return rows.map(toContentKey);
    },

    async add(key) {
      return db.tx(async (tx) => {
        await lockAsset(tx, key.assetId);
        const added = await tx.execute(
          `insert into content_keys (${COLUMNS})
           select $1, $2, $3, $4, $5 where not exists (select from deleted_assets where asset_id = $2)
           on conflict (asset_id, track_class) do nothing`,
          [Buffer.from(key.keyId), key.assetId, key.keyClass, Buffer.from(key.wrappedKey), key.createdAt],
        );
        return added === 1;
      });
    },

    async isDeleted(assetId) {
      return (await db.query("select asset_id from deleted_assets where asset_id = $1", [assetId])).length > 0;
    },

    async putIvs(tx, of, ivs) {
      for (const iv of ivs) {
        await tx.execute(
          `insert into content_key_ivs (package_id, revision, track, asset_id, key_id, constant_iv)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (package_id, revision, track)
           do update set asset_id = excluded.asset_id, key_id = excluded.key_id, constant_iv = excluded.constant_iv`,
          [of.packageId, of.revision, iv.track, of.assetId, Buffer.from(iv.keyId), Buffer.from(iv.constantIv)],
        );
      }
    },

    async ivsOf({ packageId, revision }, keyIds) {
      const rows = await db.query<ContentKeyIvRow>(
        `select key_id, track, constant_iv from content_key_ivs
         where package_id = $1 and revision = $2 and key_id = any($3::bytea[]) order by track`,
        [packageId, revision, keyIds.map((keyId) => Buffer.from(keyId))],
      );
      return rows.map(toContentKeyIv);
    },

    async deleteAsset(tx, assetId, at) {
      await lockAsset(tx, assetId);
      await tx.execute("insert into deleted_assets (asset_id, deleted_at) values ($1, $2) on conflict do nothing", [
        assetId,
        at,
      ]);
      await tx.execute("delete from content_keys where asset_id = $1", [assetId]);
      await tx.execute("delete from content_key_ivs where asset_id = $1", [assetId]);
    },
  };
}

/** Making and deleting keys of one asset happen one after the other, or a key could outlive its asset. */
async function lockAsset(tx: Queryable, assetId: string): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [assetId]);
}
