/** Rows of the profile schema, and what they mean. */

import type { Account, ListItem, Profile, ResumePoint, Role, Session } from "../domain/account.ts";

export type AccountRow = { id: string; email: string; roles: Role[]; tier: string; created_at: Date };

export function toAccount(row: AccountRow): Account {
  return { id: row.id, email: row.email, roles: row.roles, tier: row.tier, createdAt: row.created_at };
}

export type ProfileRow = {
  id: string;
  account_id: string;
  display_name: string;
  language: string;
  maximum_age: number;
  created_at: Date;
};

export function toProfile(row: ProfileRow): Profile {
  return {
    id: row.id,
    accountId: row.account_id,
    displayName: row.display_name,
    language: row.language,
    maximumAge: row.maximum_age,
    createdAt: row.created_at,
  };
}

export type SessionRow = {
  id: string;
  account_id: string;
  profile_id: string | null;
  rotated_at: Date;
  expires_at: Date;
  ended_at: Date | null;
};

export function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    accountId: row.account_id,
    profileId: row.profile_id ?? undefined,
    rotatedAt: row.rotated_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at ?? undefined,
  };
}

export type ResumePointRow = {
  title_id: string;
  position_ms: string;
  duration_ms: string;
  is_finished: boolean;
  updated_at: Date;
};

export function toResumePoint(row: ResumePointRow): ResumePoint {
  return {
    titleId: row.title_id,
    positionMs: Number(row.position_ms),
    durationMs: Number(row.duration_ms),
    isFinished: row.is_finished,
    updatedAt: row.updated_at,
  };
}

export type ListItemRow = { title_id: string; created_at: Date };

export function toListItem(row: ListItemRow): ListItem {
  return { titleId: row.title_id, createdAt: row.created_at };
}
