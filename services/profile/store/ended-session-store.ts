/** Sessions that ended early, in SQL. */

import type { Db, Tx } from "#pkg/postgres/db";

export type EndedSessionStore = ReturnType<typeof openEndedSessionStore>;

export function openEndedSessionStore(db: Db) {
  return {
    async insert(tx: Tx, sessionIds: readonly string[], endedAt: Date): Promise<void> {
      await tx.execute(
        "insert into ended_sessions (id, ended_at) select unnest($1::uuid[]), $2 on conflict do nothing",
        [sessionIds, endedAt],
      );
    },

    /**
     * Those that ended after `endedAfter` and may have been committed since the cursor, and the next cursor: the oldest
     * transaction that is still running. A cursor from before the database was set back in time answers all.
     */
    async listSince(
      cursor: string | undefined,
      endedAfter: Date,
    ): Promise<{
      readonly sessions: readonly { readonly id: string; readonly endedAt: Date }[];
      readonly cursor: string;
    }> {
      const rows = await db.query<{ cursor: string; id: string | null; ended_at: Date | null }>(
        `select s.cursor, e.id, e.ended_at
           from (select pg_snapshot_xmin(pg_current_snapshot())::text as cursor,
                        pg_snapshot_xmax(pg_current_snapshot()) as next) s
           left join ended_sessions e
             on e.ended_at > $2 and ($1::xid8 is null or e.xact >= $1::xid8 or $1::xid8 > s.next)`,
        [cursor ?? null, endedAfter],
      );
      return {
        cursor: rows[0]?.cursor ?? "0",
        sessions: rows.flatMap(({ id, ended_at }) =>
          id === null || ended_at === null ? [] : [{ id, endedAt: ended_at }],
        ),
      };
    },

    async removeBefore(endedBefore: Date): Promise<void> {
      await db.execute("delete from ended_sessions where ended_at < $1", [endedBefore]);
    },
  };
}
