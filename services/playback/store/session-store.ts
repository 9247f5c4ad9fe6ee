/** Play sessions and their stream slots in SQL. */

import type { Db, Tx } from "#pkg/postgres/db";
import type { Device, PlaySession } from "../domain/session.ts";

const COLUMNS = `id, account_id, profile_id, title_id, asset_id, display_title, device_id, device_kind, device_name,
  territory, tier, maximum_age, grant_json, duration_ms, position_ms, started_at, seen_at, lease_expires_at, ended_at`;

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
  grant_json: object;
  duration_ms: string;
  position_ms: string;
  started_at: Date;
  seen_at: Date;
  lease_expires_at: Date;
  ended_at: Date | null;
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
    grant: row.grant_json,
    durationMs: Number(row.duration_ms),
    positionMs: Number(row.position_ms),
    startedAt: row.started_at,
    seenAt: row.seen_at,
    leaseExpiresAt: row.lease_expires_at,
    endedAt: row.ended_at ?? undefined,
  };
}

export type SessionStore = ReturnType<typeof openSessionStore>;

export function openSessionStore(db: Db) {
  return {
    /** Until the transaction ends no other start of the same account counts its slots. */
    async lockAccount(tx: Tx, accountId: string): Promise<void> {
      await tx.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [accountId]);
    },

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

    async listActive(tx: Tx, accountId: string, now: Date): Promise<PlaySession[]> {
      const rows = await tx.query<SessionRow>(
        `select ${COLUMNS} from play_sessions
          where account_id = $1 and ended_at is null and lease_expires_at > $2 order by started_at`,
        [accountId, now],
      );
      return rows.map(toSession);
    },

    /** False where the request was repeated meanwhile. */
    async insert(tx: Tx, session: PlaySession, requestId: string): Promise<boolean> {
      const inserted = await tx.execute(
        `insert into play_sessions (request_id, ${COLUMNS})
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, null)
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
          JSON.stringify(session.grant),
          Math.round(session.durationMs),
          Math.round(session.positionMs),
          session.startedAt,
          session.leaseExpiresAt,
        ],
      );
      return inserted === 1;
    },

    /** False where the session has ended meanwhile. */
    async renew(tx: Tx, id: string, positionMs: number, now: Date, leaseExpiresAt: Date): Promise<boolean> {
      const renewed = await tx.execute(
        `update play_sessions set position_ms = $2, seen_at = $3, lease_expires_at = $4
          where id = $1 and ended_at is null`,
        [id, Math.round(positionMs), now, leaseExpiresAt],
      );
      return renewed === 1;
    },

    /** False where it had ended before, so that its end is told once. */
    async end(tx: Tx, id: string, positionMs: number, now: Date): Promise<boolean> {
      const ended = await tx.execute(
        "update play_sessions set ended_at = $3, position_ms = $2 where id = $1 and ended_at is null",
        [id, Math.round(positionMs), now],
      );
      return ended === 1;
    },

    /** Ends sessions whose lease has run out, and answers them. */
    async endExpired(tx: Tx, now: Date, limit: number): Promise<PlaySession[]> {
      const rows = await tx.query<SessionRow>(
        `update play_sessions set ended_at = $1
          where id in (select id from play_sessions where ended_at is null and lease_expires_at <= $1
                        order by lease_expires_at limit $2 for update skip locked)
         returning ${COLUMNS}`,
        [now, limit],
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
