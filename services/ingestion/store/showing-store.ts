/** Which titles of the catalogue play which asset, as their events tell, in Postgres. */

import type { Db, Tx } from "#pkg/postgres/db";

/** A title that is in the catalogue. */
export interface Showing {
  readonly id: string;
  readonly displayTitle: string;
}

export interface ShowingStore {
  /** The title plays `assetId`, or has left the catalogue where that is undefined. What is older than the last changes nothing. */
  told(title: Showing, now: { readonly assetId: string | undefined; readonly version: bigint }): Promise<void>;
  /** Titles that play the asset, oldest first. */
  of(tx: Tx, assetId: string, limit: number): Promise<Showing[]>;
}

export function openShowingStore(db: Db): ShowingStore {
  return {
    async told(title, { assetId, version }) {
      await db.execute(
        `insert into showings (title_id, display_title, asset_id, version) values ($1, $2, $3, $4)
         on conflict (title_id) do update
           set display_title = excluded.display_title, asset_id = excluded.asset_id, version = excluded.version
           where showings.version < excluded.version`,
        [title.id, title.displayTitle, assetId ?? null, version],
      );
    },

    async of(tx, assetId, limit) {
      const rows = await tx.query<{ title_id: string; display_title: string }>(
        "select title_id, display_title from showings where asset_id = $1 order by title_id limit $2",
        [assetId, limit],
      );
      return rows.map((row) => ({ id: row.title_id, displayTitle: row.display_title }));
    },
  };
}
