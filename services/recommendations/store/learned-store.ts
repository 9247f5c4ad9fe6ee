/** What the events taught, in SQL. An event that is older than what is known changes nothing. */

import type { Db } from "#pkg/postgres/db";

export interface Watched {
  readonly titleId: string;
  readonly positionMs: number;
  readonly isFinished: boolean;
}

/** Which of several events about one thing is the newest, by its version, and when it became true. */
export interface Told {
  readonly version: bigint;
  readonly at: Date;
}

/** A position of a profile in a title. */
export interface Progress extends Watched {
  readonly profileId: string;
  readonly at: Date;
}

export type LearnedStore = ReturnType<typeof openLearnedStore>;

export function openLearnedStore(db: Db) {
  return {
    async titleTold(
      titleId: string,
      told: Told & { readonly isListed: boolean; readonly publishedAt: Date },
    ): Promise<void> {
      await db.execute(
        `insert into titles (title_id, published_at, is_listed, told_at, version) values ($1, $2, $3, $4, $5)
         on conflict (title_id) do update
           set published_at = case when excluded.is_listed then excluded.published_at else titles.published_at end,
               is_listed = excluded.is_listed, told_at = excluded.told_at, version = excluded.version
           where titles.version < excluded.version`,
        [titleId, told.publishedAt, told.isListed, told.at, told.version],
      );
    },

    /** Of each profile and title the newest counts, whatever the order. */
    async watched(progress: readonly Progress[]): Promise<void> {
      const of = <T>(value: (one: Progress) => T) => progress.map(value);
      await db.execute(
        `insert into history (profile_id, title_id, position_ms, is_finished, watched_at)
         select distinct on (profile_id, title_id) profile_id, title_id, position_ms, is_finished, watched_at
           from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::timestamptz[])
             w (profile_id, title_id, position_ms, is_finished, watched_at)
          order by profile_id, title_id, watched_at desc
         on conflict (profile_id, title_id) do update
           set position_ms = excluded.position_ms, is_finished = excluded.is_finished, watched_at = excluded.watched_at
           where history.watched_at < excluded.watched_at`,
        [
          of(({ profileId }) => profileId),
          of(({ titleId }) => titleId),
          of(({ positionMs }) => Math.round(positionMs)),
          of(({ isFinished }) => isFinished),
          of(({ at }) => at),
        ],
      );
    },

    async listTold(
      item: { readonly profileId: string; readonly titleId: string },
      told: Told & { readonly isListed: boolean },
    ): Promise<void> {
      await db.execute(
        `insert into list_items (profile_id, title_id, is_listed, told_at, version) values ($1, $2, $3, $4, $5)
         on conflict (profile_id, title_id) do update
           set is_listed = excluded.is_listed, told_at = excluded.told_at, version = excluded.version
           where list_items.version < excluded.version`,
        [item.profileId, item.titleId, told.isListed, told.at, told.version],
      );
    },

    /** Most recent first, only titles that are in the catalogue. */
    async listHistory(profileId: string, limit: number): Promise<Watched[]> {
      const rows = await db.query<{ title_id: string; position_ms: string; is_finished: boolean }>(
        `select h.title_id, h.position_ms, h.is_finished from history h join titles t using (title_id)
          where h.profile_id = $1 and t.is_listed and not h.is_finished order by h.watched_at desc limit $2`,
        [profileId, limit],
      );
      return rows.map((row) => ({
        titleId: row.title_id,
        positionMs: Number(row.position_ms),
        isFinished: row.is_finished,
      }));
    },

    async listKept(profileId: string, limit: number): Promise<string[]> {
      const rows = await db.query<{ title_id: string }>(
        `select l.title_id from list_items l join titles t using (title_id)
          where l.profile_id = $1 and l.is_listed and t.is_listed order by l.told_at desc limit $2`,
        [profileId, limit],
      );
      return rows.map((row) => row.title_id);
    },

    async listNewest(limit: number): Promise<string[]> {
      const rows = await db.query<{ title_id: string }>(
        "select title_id from titles where is_listed order by published_at desc, title_id desc limit $1",
        [limit],
      );
      return rows.map((row) => row.title_id);
    },

    /** Forgets erased profiles for good: a trigger refuses what comes late about them. */
    async forgetProfiles(profileIds: readonly string[]): Promise<void> {
      await db.tx(async (tx) => {
        await tx.query(
          "select pg_advisory_xact_lock(hashtextextended(id, 0)) from unnest($1::text[]) as id order by id",
          [profileIds],
        );
        await tx.execute("insert into erased_profiles (profile_id) select unnest($1::uuid[]) on conflict do nothing", [
          profileIds,
        ]);
        await tx.execute("delete from history where profile_id = any($1::uuid[])", [profileIds]);
        await tx.execute("delete from list_items where profile_id = any($1::uuid[])", [profileIds]);
      });
    },
  };
}
