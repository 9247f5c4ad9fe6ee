/** What is known of a search index in SQL: the generation that was filled, and how far a rebuild is. */

import type { Db } from "#pkg/postgres/db";
import type { FilledIndex, RebuildReason } from "../domain/filled-index.ts";

type IndexRow = {
  readonly generation: string;
  readonly reason: RebuildReason;
  readonly is_wanted: boolean;
  readonly done_count: string;
  readonly total_count: string;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
};

export type IndexStore = ReturnType<typeof openIndexStore>;

/** Of the index of that name. */
export function openIndexStore(db: Db, name: string) {
  return {
    /** Undefined before the first rebuild. */
    async find(): Promise<FilledIndex | undefined> {
      const [row] = await db.query<IndexRow>("select * from search_indexes where name = $1", [name]);
      return (
        row && {
          generation: row.generation,
          reason: row.reason,
          isWanted: row.is_wanted,
          done: Number(row.done_count),
          total: Number(row.total_count),
          startedAt: row.started_at ?? undefined,
          endedAt: row.ended_at ?? undefined,
        }
      );
    },

    /** Changes nothing while a rebuild is wanted or has not ended. */
    async want(): Promise<void> {
      await db.execute(
        `insert into search_indexes as i (name, is_wanted) values ($1, true)
         on conflict (name) do update set is_wanted = true where i.ended_at is not null`,
        [name],
      );
    },

    async begin(generation: string, reason: RebuildReason, total: number, now: Date): Promise<void> {
      await db.execute(
        `insert into search_indexes (name, generation, reason, total_count, started_at) values ($1, $2, $3, $4, $5)
         on conflict (name) do update
           set generation = excluded.generation, reason = excluded.reason, is_wanted = false, done_count = 0,
               total_count = excluded.total_count, started_at = excluded.started_at, ended_at = null`,
        [name, generation, reason, total, now],
      );
    },

    /** Titles may have come since they were counted. */
    async progress(generation: string, done: number): Promise<void> {
      await db.execute(
        `update search_indexes set done_count = $3, total_count = greatest(total_count, $3)
          where name = $1 and generation = $2`,
        [name, generation, done],
      );
    },

    async end(generation: string, now: Date): Promise<void> {
      await db.execute(
        "update search_indexes set ended_at = $3 where name = $1 and generation = $2 and ended_at is null",
        [name, generation, now],
      );
    },
  };
}
