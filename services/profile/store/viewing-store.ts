/** What profiles keep and where they stopped, in SQL. */

import type { Db, Tx } from "#pkg/postgres/db";
import type { ListItem, ResumePoint } from "../domain/account.ts";
import { type ListItemRow, type ResumePointRow, toListItem, toResumePoint } from "./rows.ts";

const RESUME_POINT = "title_id, position_ms, duration_ms, is_finished, updated_at";

/** The last row of the page before, newest first. */
export interface After {
  readonly at: Date;
  readonly titleId: string;
}

export type ViewingStore = ReturnType<typeof openViewingStore>;

export function openViewingStore(db: Db) {
  return {
    /** Answers when it was first added; `isNew` where that is now. Undefined where the profile has been erased. */
    async addListItem(
      tx: Tx,
      profileId: string,
      titleId: string,
      now: Date,
    ): Promise<{ item: ListItem; isNew: boolean } | undefined> {
      const inserted = await tx.execute(
        `insert into list_items (profile_id, title_id, created_at) select id, $2, $3 from profiles where id = $1
         on conflict do nothing`,
        [profileId, titleId, now],
      );
      const [row] = await tx.query<ListItemRow>(
        "select title_id, created_at from list_items where profile_id = $1 and title_id = $2",
        [profileId, titleId],
      );
      return row && { item: toListItem(row), isNew: inserted === 1 };
    },

    async removeListItem(tx: Tx, profileId: string, titleId: string): Promise<boolean> {
      return (
        (await tx.execute("delete from list_items where profile_id = $1 and title_id = $2", [profileId, titleId])) === 1
      );
    },

    async listListItems(profileId: string, limit: number, after?: After): Promise<ListItem[]> {
      const rows = await db.query<ListItemRow>(
        `select title_id, created_at from list_items
          where profile_id = $1 and ($2::timestamptz is null or (created_at, title_id) < ($2, $3::uuid))
          order by created_at desc, title_id desc limit $4`,
        [profileId, after?.at ?? null, after?.titleId ?? null, limit],
      );
      return rows.map(toListItem);
    },

    /** Of each profile and title the newest counts, whatever the order; of a profile that is gone, none. */
    async saveResumePoints(points: readonly (ResumePoint & { readonly profileId: string })[]): Promise<void> {
      const of = <T>(value: (point: (typeof points)[number]) => T) => points.map(value);
      await db.execute(
        `insert into resume_points (profile_id, ${RESUME_POINT})
         select distinct on (profile_id, title_id) profile_id, ${RESUME_POINT}
           from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::boolean[], $6::timestamptz[])
             p (profile_id, ${RESUME_POINT})
           join profiles on profiles.id = p.profile_id
          order by profile_id, title_id, updated_at desc
         on conflict (profile_id, title_id) do update
           set position_ms = excluded.position_ms, duration_ms = excluded.duration_ms,
               is_finished = excluded.is_finished, updated_at = excluded.updated_at
           where resume_points.updated_at < excluded.updated_at`,
        [
          of(({ profileId }) => profileId),
          of(({ titleId }) => titleId),
          of(({ positionMs }) => positionMs),
          of(({ durationMs }) => durationMs),
          of(({ isFinished }) => isFinished),
          of(({ updatedAt }) => updatedAt),
        ],
      );
    },

    async findResumePoint(profileId: string, titleId: string): Promise<ResumePoint | undefined> {
      const [row] = await db.query<ResumePointRow>(
        `select ${RESUME_POINT} from resume_points where profile_id = $1 and title_id = $2`,
        [profileId, titleId],
      );
      return row && toResumePoint(row);
    },

    async listResumePoints(profileId: string, limit: number, after?: After): Promise<ResumePoint[]> {
      const rows = await db.query<ResumePointRow>(
        `select ${RESUME_POINT} from resume_points
          where profile_id = $1 and ($2::timestamptz is null or (updated_at, title_id) < ($2, $3::uuid))
          order by updated_at desc, title_id desc limit $4`,
        [profileId, after?.at ?? null, after?.titleId ?? null, limit],
      );
      return rows.map(toResumePoint);
    },
  };
}
