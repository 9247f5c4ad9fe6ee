/** Accounts, profiles and sessions in SQL. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { Account, Profile, Session } from "../domain/account.ts";
import { type AccountRow, type ProfileRow, type SessionRow, toAccount, toProfile, toSession } from "./rows.ts";

const ACCOUNT = "id, email, roles, tier, created_at";
const PROFILE = "id, account_id, display_name, language, maximum_age, created_at";
const SESSION = "id, account_id, profile_id, rotated_at, expires_at, ended_at";

export interface NewAccount {
  readonly id: string;
  readonly requestId: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly roles: readonly string[];
  readonly tier: string;
  readonly now: Date;
}

export interface StoredCredentials {
  readonly account: Account;
  readonly passwordHash: string;
  readonly requestId: string;
}

/** A session with how the presented refresh token relates to it. */
export interface PresentedSession {
  readonly session: Session;
  readonly presented: "current" | "previous" | "unknown";
}

export type AccountStore = ReturnType<typeof openAccountStore>;

export function openAccountStore(db: Db) {
  return {
    /** False where the address or the request id is taken. */
    async insertAccount(tx: Tx, account: NewAccount): Promise<boolean> {
      const inserted = await tx.execute(
        `insert into accounts (id, request_id, email, password_hash, roles, tier, created_at)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
        [account.id, account.requestId, account.email, account.passwordHash, account.roles, account.tier, account.now],
      );
      return inserted === 1;
    },

    async insertProfile(tx: Tx, profile: Profile): Promise<void> {
      await tx.execute(`insert into profiles (${PROFILE}) values ($1, $2, $3, $4, $5, $6)`, [
        profile.id,
        profile.accountId,
        profile.displayName,
        profile.language,
        profile.maximumAge,
        profile.createdAt,
      ]);
    },

    async findByEmail(email: string): Promise<StoredCredentials | undefined> {
      const [row] = await db.query<AccountRow & { password_hash: string; request_id: string }>(
        `select ${ACCOUNT}, password_hash, request_id from accounts where email = $1`,
        [email],
      );
      return row && { account: toAccount(row), passwordHash: row.password_hash, requestId: row.request_id };
    },

    async findCredentials(accountId: string): Promise<StoredCredentials | undefined> {
      const [row] = await db.query<AccountRow & { password_hash: string; request_id: string }>(
        `select ${ACCOUNT}, password_hash, request_id from accounts where id = $1`,
        [accountId],
      );
      return row && { account: toAccount(row), passwordHash: row.password_hash, requestId: row.request_id };
    },

    async findAccount(accountId: string): Promise<Account | undefined> {
      const [row] = await db.query<AccountRow>(`select ${ACCOUNT} from accounts where id = $1`, [accountId]);
      return row && toAccount(row);
    },

    async setPasswordAndRoles(
      on: Queryable,
      accountId: string,
      passwordHash: string,
      roles: readonly string[],
    ): Promise<void> {
      await on.execute("update accounts set password_hash = $2, roles = $3 where id = $1", [
        accountId,
        passwordHash,
        roles,
      ]);
    },

    /** Oldest first, those after `afterId`. */
    async listProfiles(accountId: string, limit: number, afterId?: string): Promise<Profile[]> {
      const rows = await db.query<ProfileRow>(
        `select ${PROFILE} from profiles
          where account_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
        [accountId, afterId ?? null, limit],
      );
      return rows.map(toProfile);
    },

    async findProfile(profileId: string): Promise<Profile | undefined> {
      const [row] = await db.query<ProfileRow>(`select ${PROFILE} from profiles where id = $1`, [profileId]);
      return row && toProfile(row);
    },

    /** Profiles, sessions and everything else of the account go with it. Returns the ids of its profiles. */
    async deleteAccount(tx: Tx, accountId: string): Promise<string[]> {
      const profiles = await tx.query<{ id: string }>("select id from profiles where account_id = $1", [accountId]);
      await tx.execute("delete from accounts where id = $1", [accountId]);
      return profiles.map((row) => row.id);
    },

    async insertSession(
      on: Queryable,
      session: {
        id: string;
        accountId: string;
        profileId: string | undefined;
        refreshHash: Uint8Array;
        now: Date;
        expiresAt: Date;
      },
    ): Promise<void> {
      await on.execute(
        `insert into sessions (id, account_id, profile_id, refresh_hash, rotated_at, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $5, $6)`,
        [session.id, session.accountId, session.profileId ?? null, session.refreshHash, session.now, session.expiresAt],
      );
    },

    /** Locks the session until the transaction ends, so that of two refreshes one comes first. */
    async lockSession(tx: Tx, sessionId: string, refreshHash: Uint8Array): Promise<PresentedSession | undefined> {
      const [row] = await tx.query<SessionRow & { is_current: boolean; is_previous: boolean | null }>(
        `select ${SESSION}, refresh_hash = $2 as is_current, previous_hash = $2 as is_previous
           from sessions where id = $1 for update`,
        [sessionId, refreshHash],
      );
      if (row === undefined) return undefined;
      return {
        session: toSession(row),
        presented: row.is_current ? "current" : row.is_previous === true ? "previous" : "unknown",
      };
    },

    async rotateSession(
      tx: Tx,
      sessionId: string,
      change: {
        refreshHash: Uint8Array;
        presentedHash: Uint8Array;
        profileId: string | undefined;
        now: Date;
        expiresAt: Date;
      },
    ): Promise<void> {
      await tx.execute(
        `update sessions set previous_hash = $3, refresh_hash = $2, profile_id = $4, rotated_at = $5, expires_at = $6
          where id = $1`,
        [sessionId, change.refreshHash, change.presentedHash, change.profileId ?? null, change.now, change.expiresAt],
      );
    },

    /** Ends one session of the account, or all of them. Returns the ids of those that had not ended before. */
    async endSessions(tx: Tx, accountId: string, now: Date, only?: { readonly sessionId: string }): Promise<string[]> {
      const rows = await tx.query<{ id: string }>(
        `update sessions set ended_at = $2
          where account_id = $1 and ended_at is null and expires_at > $2 and ($3::uuid is null or id = $3)
          returning id`,
        [accountId, now, only?.sessionId ?? null],
      );
      return rows.map((row) => row.id);
    },

    /** Removes sessions that ended or ran out before. */
    async sweepSessions(before: Date): Promise<number> {
      return db.execute("delete from sessions where expires_at < $1 or ended_at < $1", [before]);
    },
  };
}
