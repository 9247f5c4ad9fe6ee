/** Uploads in Postgres, with the leases by which workers inspect them. */

import { newId } from "#pkg/clock/clock";
import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { Rejection, Scope } from "../domain/asset.ts";
import type { Holding } from "../domain/quota.ts";
import type { Upload } from "../domain/upload.ts";
import { toUpload, UPLOAD_COLUMNS, type UploadRow } from "./rows.ts";

/** Wakes inspection workers. */
export const INSPECTIONS_CHANNEL = "inspections";

/** The right to inspect one upload, until it runs out or another takes it. */
export interface Inspection {
  readonly upload: Upload & { readonly sha256: string };
  readonly token: string;
  /** Counts this one: 1 at first. */
  readonly attempt: number;
}

export interface UploadStore {
  /** False where the owner's request id has made one before; then nothing is written. */
  insert(tx: Tx, upload: Upload, requestId: string): Promise<boolean>;
  /** Holds back others that would open an upload for the account, until the transaction ends. */
  lockOwner(tx: Tx, ownerId: string): Promise<void>;
  /** What the account has, the transaction's own writes included. */
  holdingOf(tx: Tx, ownerId: string): Promise<Holding>;
  find(id: string, scope: Scope, from?: Queryable): Promise<Upload | undefined>;
  findByAssets(from: Queryable, assetIds: readonly string[]): Promise<Upload[]>;
  findByRequest(from: Queryable, ownerId: string, requestId: string): Promise<Upload | undefined>;
  /** Undefined where another call was first or the upload is no longer active. */
  setMultipartId(id: string, multipartId: string): Promise<Upload | undefined>;
  /** Active to completing. Undefined where it is not active, or its time is up. */
  markCompleting(tx: Tx, id: string, sha256: string, now: Date): Promise<Upload | undefined>;
  /** Active to aborted. */
  markAborted(tx: Tx, id: string, now: Date): Promise<Upload | undefined>;
  /** Active or completing to aborted, with the moment from which on no worker holds it; undefined where it is neither. */
  cancel(tx: Tx, assetId: string, now: Date): Promise<{ readonly upload: Upload; readonly freeAt: Date } | undefined>;
  /** Active ones whose time is up to expired, a few at a time. */
  expire(tx: Tx, now: Date, limit: number): Promise<Upload[]>;
  /** When the next active one expires, where there is one. */
  nextExpiry(): Promise<Date | undefined>;

  /** Takes the completing upload that has waited longest and that nobody holds. */
  claim(now: Date, leaseMs: number): Promise<Inspection | undefined>;
  /** False where the lease is lost. */
  renew(inspection: Inspection, until: Date): Promise<boolean>;
  /**
   * Gives it back for another try at `dueAt`. An attempt that does not count is taken back. `waiting` is what the asset
   * is shown to wait for; answers whether that is news.
   */
  release(
    inspection: Inspection,
    dueAt: Date,
    counted: "counted" | "uncounted",
    waiting?: Rejection,
  ): Promise<{ readonly isNews: boolean }>;
  /** Completing to completed. False where the lease is lost; then nothing may be written. */
  finish(tx: Tx, inspection: Inspection): Promise<boolean>;
  /** When the next one becomes due, where there is one. */
  nextDue(): Promise<Date | undefined>;
}

export function openUploadStore(db: Db): UploadStore {
  return {
    async insert(tx, upload, requestId) {
      const count = await tx.execute(
        `insert into uploads (id, asset_id, owner_id, request_id, file_name, size_bytes, part_size_bytes, part_count,
                              state, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict on constraint uploads_request do nothing`,
        [
          upload.id,
          upload.assetId,
          upload.ownerId,
          requestId,
          upload.fileName,
          upload.sizeBytes,
          upload.partSizeBytes,
          upload.partCount,
          upload.state,
          upload.expiresAt,
          upload.createdAt,
        ],
      );
      return count === 1;
    },

    async lockOwner(tx, ownerId) {
      await tx.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [ownerId]);
    },

    async holdingOf(tx, ownerId) {
      const [row] = await tx.query<{ open_uploads: string; open_bytes: string; stored_bytes: string }>(
        `select
           (select count(*) from uploads where owner_id = $1 and state in ('active', 'completing')) as open_uploads,
           (select coalesce(sum(size_bytes), 0) from uploads
             where owner_id = $1 and state in ('active', 'completing')) as open_bytes,
           (select coalesce(sum(size_bytes), 0) from assets
             where owner_id = $1 and state not in ('deleted', 'rejected')) as stored_bytes`,
        [ownerId],
      );
      return {
        openUploads: Number(row?.open_uploads),
        openBytes: Number(row?.open_bytes),
        storedBytes: Number(row?.stored_bytes),
      };
    },

    async find(id, scope, from = db) {
      return one(
        await from.query<UploadRow>(
          `select ${UPLOAD_COLUMNS} from uploads where id = $1 and ($2::uuid is null or owner_id = $2)`,
          [id, scope.ownerId ?? null],
        ),
      );
    },

    async findByAssets(from, assetIds) {
      const rows = await from.query<UploadRow>(
        `select ${UPLOAD_COLUMNS} from uploads where asset_id = any($1::uuid[])`,
        [assetIds],
      );
      return rows.map(toUpload);
    },

    async findByRequest(from, ownerId, requestId) {
      return one(
        await from.query<UploadRow>(`select ${UPLOAD_COLUMNS} from uploads where owner_id = $1 and request_id = $2`, [
          ownerId,
          requestId,
        ]),
      );
    },

    async setMultipartId(id, multipartId) {
      return one(
        await db.query<UploadRow>(
          `update uploads set multipart_id = $2
           where id = $1 and multipart_id is null and state = 'active' returning ${UPLOAD_COLUMNS}`,
          [id, multipartId],
        ),
      );
    },

    async markCompleting(tx, id, sha256, now) {
      const upload = one(
        await tx.query<UploadRow>(
          `update uploads set state = 'completing', sha256 = $2, due_at = $3
           where id = $1 and state = 'active' and expires_at > $3 returning ${UPLOAD_COLUMNS}`,
          [id, sha256, now],
        ),
      );
      if (upload !== undefined) await notify(tx);
      return upload;
    },

    async markAborted(tx, id, now) {
      return one(
        await tx.query<UploadRow>(
          `update uploads set state = 'aborted'
           where id = $1 and state = 'active' and expires_at > $2 returning ${UPLOAD_COLUMNS}`,
          [id, now],
        ),
      );
    },

    async cancel(tx, assetId, now) {
      const rows = await tx.query<UploadRow & { readonly free_at: Date }>(
        `with held as (
           select id as held_id, case when lease_token is null then $2 else greatest(due_at, $2) end as free_at
           from uploads where asset_id = $1 and state in ('active', 'completing') for update)
         update uploads set state = 'aborted', lease_token = null, due_at = null
         from held where id = held_id returning ${UPLOAD_COLUMNS}, free_at`,
        [assetId, now],
      );
      return rows[0] && { upload: toUpload(rows[0]), freeAt: rows[0].free_at };
    },

    async expire(tx, now, limit) {
      const rows = await tx.query<UploadRow>(
        `with next as materialized (
           select id from uploads where state = 'active' and expires_at <= $1
           order by expires_at limit $2 for update skip locked)
         update uploads set state = 'expired' where id in (select id from next)
         returning ${UPLOAD_COLUMNS}`,
        [now, limit],
      );
      return rows.map(toUpload);
    },

    async nextExpiry() {
      const rows = await db.query<{ expires_at: Date | null }>(
        "select min(expires_at) as expires_at from uploads where state = 'active'",
      );
      return rows[0]?.expires_at ?? undefined;
    },

    async claim(now, leaseMs) {
      const token = newId();
      const rows = await db.query<UploadRow & { readonly attempts: number; readonly sha256: string }>(
        `update uploads set lease_token = $2, due_at = $3, attempts = attempts + 1
         where id = (select id from uploads where state = 'completing' and due_at <= $1
                     order by due_at limit 1 for update skip locked)
         returning ${UPLOAD_COLUMNS}, attempts`,
        [now, token, new Date(now.getTime() + leaseMs)],
      );
      const row = rows[0];
      return row && { upload: { ...toUpload(row), sha256: row.sha256 }, token, attempt: row.attempts };
    },

    async renew(inspection, until) {
      const count = await db.execute(
        "update uploads set due_at = $3 where id = $1 and lease_token = $2 and state = 'completing'",
        [inspection.upload.id, inspection.token, until],
      );
      return count === 1;
    },

    async release(inspection, dueAt, counted, waiting) {
      const [row] = await db.query<{ readonly before: Rejection | null }>(
        `with released as (
           update uploads set lease_token = null, due_at = $3, attempts = attempts - $4
           where id = $1 and lease_token = $2 and state = 'completing' returning asset_id
         ), old as (select id, waiting from assets where id in (select asset_id from released) for update)
         update assets a set waiting = $5 from old where a.id = old.id returning old.waiting as before`,
        [
          inspection.upload.id,
          inspection.token,
          dueAt,
          counted === "counted" ? 0 : 1,
          waiting === undefined ? null : JSON.stringify(waiting),
        ],
      );
      return { isNews: row !== undefined && row.before?.reason !== waiting?.reason };
    },

    async finish(tx, inspection) {
      const count = await tx.execute(
        `update uploads set state = 'completed', lease_token = null, due_at = null
         where id = $1 and lease_token = $2 and state = 'completing'`,
        [inspection.upload.id, inspection.token],
      );
      return count === 1;
    },

    async nextDue() {
      const rows = await db.query<{ due_at: Date | null }>(
        "select min(due_at) as due_at from uploads where state = 'completing'",
      );
      return rows[0]?.due_at ?? undefined;
    },
  };
}

async function notify(tx: Tx): Promise<void> {
  await tx.query(`select pg_notify(current_schema() || '.${INSPECTIONS_CHANNEL}', '')`);
}

function one(rows: readonly UploadRow[]): Upload | undefined {
  return rows[0] && toUpload(rows[0]);
}
