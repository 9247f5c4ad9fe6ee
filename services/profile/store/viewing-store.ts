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

    /** Keeps the newest: events come in no order, so an older position never overwrites a newer one. */
    async saveResumePoint(tx: Tx, profileId: string, point: ResumePoint): Promise<void> {
      await tx.execute(
        `insert into resume_points (profile_id, ${RESUME_POINT})
         select id, $2, $3, $4, $5, $6 from profiles where id = $1
         on conflict (profile_id, title_id) do update
           set position_ms = excluded.position_ms, duration_ms = excluded.duration_ms,
               is_finished = excluded.is_finished, updated_at = excluded.updated_at
           where resume_points.updated_at < excluded.updated_at`,
        [profileId, point.titleId, point.positionMs, point.durationMs, point.isFinished, point.updatedAt],
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
