/** Blobs that are due to be removed, in Postgres. */

import type { Db, Row, Tx } from "#pkg/postgres/db";

/** Wakes the removal of blobs. */
export const PURGES_CHANNEL = "purges";

export interface Purge {
  readonly assetId: string;
  readonly multipartId: string | undefined;
  /** When nobody can write to the asset's blobs any more; what is removed before is looked at again. */
  readonly until: Date;
}

export interface PurgeStore {
  /** Has the asset's blobs and parts removed at once, and again at `until`. */
  add(tx: Tx, purge: Purge, now: Date): Promise<void>;
  due(now: Date, limit: number): Promise<Purge[]>;
  /** The blobs are gone as of `now`: forgets the purge, or puts it off to its `until`. */
  done(purge: Purge, now: Date): Promise<void>;
  postpone(purge: Purge, dueAt: Date): Promise<void>;
  nextDue(): Promise<Date | undefined>;
}

interface PurgeRow extends Row {
  readonly asset_id: string;
  readonly multipart_id: string | null;
  readonly until: Date;
}

export function openPurgeStore(db: Db): PurgeStore {
  return {
    async add(tx, purge, now) {
      await tx.execute(
        `insert into purges (asset_id, multipart_id, due_at, until) values ($1, $2, $3, $4)
         on conflict (asset_id) do update
         set multipart_id = coalesce(excluded.multipart_id, purges.multipart_id), due_at = excluded.due_at,
             until = greatest(excluded.until, purges.until)`,
        [purge.assetId, purge.multipartId ?? null, now, purge.until],
      );
      await tx.query(`select pg_notify(current_schema() || '.${PURGES_CHANNEL}', '')`);
    },

    async due(now, limit) {
      const rows = await db.query<PurgeRow>(
        "select asset_id, multipart_id, until from purges where due_at <= $1 order by due_at limit $2",
        [now, limit],
      );
      return rows.map((row) => ({
        assetId: row.asset_id,
        multipartId: row.multipart_id ?? undefined,
        until: row.until,
      }));
    },

    async done(purge, now) {
      if (purge.until <= now) {
        await db.execute("delete from purges where asset_id = $1 and until <= $2", [purge.assetId, now]);
      } else {
        await db.execute("update purges set due_at = until where asset_id = $1", [purge.assetId]);
      }
    },

    async postpone(purge, dueAt) {
      await db.execute("update purges set due_at = $2 where asset_id = $1", [purge.assetId, dueAt]);
    },

    async nextDue() {
      const rows = await db.query<{ due_at: Date | null }>("select min(due_at) as due_at from purges");
      return rows[0]?.due_at ?? undefined;
    },
  };
}
