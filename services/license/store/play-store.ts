/** Plays that have ended, in SQL. */

import type { Db } from "#pkg/postgres/db";

export type PlayStore = ReturnType<typeof openPlayStore>;

export function openPlayStore(db: Db) {
  return {
    async isEnded(playSessionId: string): Promise<boolean> {
      const rows = await db.query("select from ended_plays where play_session_id = $1", [playSessionId]);
      return rows.length > 0;
    },

    /** Remembers the end; told again it changes nothing. */
    async end(playSessionId: string, endedAt: Date, forgetAt: Date): Promise<void> {
      await db.execute(
        `insert into ended_plays (play_session_id, ended_at, forget_at) values ($1, $2, $3) on conflict do nothing`,
        [playSessionId, endedAt, forgetAt],
      );
    },

    async forgetBefore(now: Date, limit: number): Promise<number> {
      return db.execute(
        `delete from ended_plays where play_session_id in
           (select play_session_id from ended_plays where forget_at < $1 limit $2)`,
        [now, limit],
      );
    },
  };
}
