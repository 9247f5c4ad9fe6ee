/** Play sessions in SQL: when they started, when and how they ended. */

import type { Db, Tx } from "#pkg/postgres/db";
import type { Device, EndReason, PlaySession } from "../domain/session.ts";

const COLUMNS = `id, account_id, profile_id, title_id, asset_id, display_title, device_id, device_kind, device_name,
  territory, tier, maximum_age, sign_in_id, duration_ms, position_ms, started_at, seen_at, rights_end_at, ended_at,
  end_reason`;

type SessionRow = {
  id: string;
  account_id: string;
  profile_id: string;
  title_id: string;
  asset_id: string;
  display_title: string;
  device_id: string;
  device_kind: Device["kind"];
  device_name: string;
  territory: string;
  tier: string;
  maximum_age: number;
  sign_in_id: string | null;
  duration_ms: string;
  position_ms: string;
  started_at: Date;
  seen_at: Date;
  rights_end_at: Date | null;
  ended_at: Date | null;
  end_reason: EndReason | null;
};

function toSession(row: SessionRow): PlaySession {
  return {
    id: row.id,
    accountId: row.account_id,
    profileId: row.profile_id,
    titleId: row.title_id,
    assetId: row.asset_id,
    displayTitle: row.display_title,
    device: { id: row.device_id, kind: row.device_kind, displayName: row.device_name },
    territory: row.territory,
    tier: row.tier,
    maximumAge: row.maximum_age,
    signInId: row.sign_in_id ?? "",
    durationMs: Number(row.duration_ms),
    positionMs: Number(row.position_ms),
    startedAt: row.started_at,
    seenAt: row.seen_at,
    rightsEndAt: row.rights_end_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    endReason: row.end_reason ?? undefined,
  };
}

/** The end of a play; where it was last is not always known. */
export interface Ending {
  readonly id: string;
  readonly reason: EndReason;
  readonly positionMs?: number | undefined;
  readonly seenAt?: Date | undefined;
}

/** A play that has not ended, as far as ending it takes. */
export interface Unended {
  readonly id: string;
  readonly accountId: string;
  readonly rightsEndAt: Date | undefined;
}

type UnendedRow = { id: string; account_id: string; rights_end_at: Date | null };

const toUnended = (row: UnendedRow): Unended => ({
  id: row.id,
  accountId: row.account_id,
  rightsEndAt: row.rights_end_at ?? undefined,
});

export type SessionStore = ReturnType<typeof openSessionStore>;

export function openSessionStore(db: Db) {
  return {
    async findByRequest(accountId: string, requestId: string): Promise<PlaySession | undefined> {
      const [row] = await db.query<SessionRow>(
        `select ${COLUMNS} from play_sessions where account_id = $1 and request_id = $2`,
        [accountId, requestId],
      );
      return row && toSession(row);
    },

    async find(id: string): Promise<PlaySession | undefined> {
      const [row] = await db.query<SessionRow>(`select ${COLUMNS} from play_sessions where id = $1`, [id]);
      return row && toSession(row);
    },

    /** The account's plays that were started and not ended, each with the request that started it. */
    async listUnended(accountId: string): Promise<{ readonly requestId: string; readonly session: PlaySession }[]> {
      const rows = await db.query<SessionRow & { request_id: string }>(
        `select request_id, ${COLUMNS} from play_sessions where account_id = $1 and ended_at is null order by id`,
        [accountId],
      );
      return rows.map((row) => ({ requestId: row.request_id, session: toSession(row) }));
    },

    /** Plays that have not ended, by id, after this one. */
    async listUnendedAfter(afterId: string, limit: number): Promise<Unended[]> {
      const rows = await db.query<UnendedRow>(
        `select id, account_id, rights_end_at from play_sessions where ended_at is null and id > $1 order by id limit $2`,
        [afterId, limit],
      );
      return rows.map(toUnended);
    },

    /** Plays of a title that were started before and have not ended. */
    async listUnendedOfTitle(titleId: string, startedBefore: Date, limit: number): Promise<Unended[]> {
      const rows = await db.query<UnendedRow>(
        `select id, account_id, rights_end_at from play_sessions
          where title_id = $1 and started_at <= $2 and ended_at is null limit $3`,
        [titleId, startedBefore, limit],
      );
      return rows.map(toUnended);
    },

    /** Plays of an account that have not ended; those of some sign-in sessions, where any are named. */
    async listUnendedOf(accountId: string, signInIds: readonly string[] | undefined): Promise<Unended[]> {
      const rows = await db.query<UnendedRow>(
        `select id, account_id, rights_end_at from play_sessions
          where account_id = $1 and ended_at is null and ($2::uuid[] is null or sign_in_id = any ($2))`,
        [accountId, signInIds ?? null],
      );
      return rows.map(toUnended);
    },

    /** False where the request was repeated meanwhile. */
    async insert(tx: Tx, session: PlaySession, requestId: string): Promise<boolean> {
      const inserted = await tx.execute(
        `insert into play_sessions (request_id, ${COLUMNS})
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, null, null)
         on conflict (account_id, request_id) do nothing`,
        [
          requestId,
          session.id,
          session.accountId,
          session.profileId,
          session.titleId,
          session.assetId,
          session.displayTitle,
          session.device.id,
          session.device.kind,
          session.device.displayName,
          session.territory,
          session.tier,
          session.maximumAge,
          session.signInId === "" ? null : session.signInId,
          Math.round(session.durationMs),
          Math.round(session.positionMs),
          session.startedAt,
          session.seenAt,
          session.rightsEndAt ?? null,
        ],
      );
      return inserted === 1;
    },

    /** Answers those that had not ended before, so that each end is told once. */
    async end(tx: Tx, endings: readonly Ending[], at: Date): Promise<PlaySession[]> {
      if (endings.length === 0) return [];
      const rows = await tx.query<SessionRow>(
        `update play_sessions s
            set ended_at = $1, end_reason = e.reason, position_ms = coalesce(e.position_ms, s.position_ms),
                seen_at = coalesce(e.seen_at, s.seen_at)
           from unnest($2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[]) e (session_id, reason, position_ms, seen_at)
          where s.id = e.session_id and s.ended_at is null
         returning ${COLUMNS.replace("position_ms", "s.position_ms").replace("seen_at", "s.seen_at")}`,
        [
          at,
          endings.map(({ id }) => id),
          endings.map(({ reason }) => reason),
          endings.map(({ positionMs }) => (positionMs === undefined ? null : Math.round(positionMs))),
          endings.map(({ seenAt }) => seenAt ?? null),
        ],
      );
      return rows.map(toSession);
    },

    async deleteEndedBefore(before: Date, limit: number): Promise<number> {
      return db.execute(
        "delete from play_sessions where id in (select id from play_sessions where ended_at < $1 limit $2)",
        [before, limit],
      );
    },

    /** Forgets an erased account. */
    async deleteAccount(accountId: string): Promise<void> {
      await db.execute("delete from play_sessions where account_id = $1", [accountId]);
    },
  };
}
