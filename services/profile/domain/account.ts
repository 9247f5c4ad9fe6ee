/** Accounts, profiles and sessions as the rules see them. */

export type Role = "creator" | "operator";

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly roles: readonly Role[];
  readonly tier: string;
  readonly createdAt: Date;
}

export interface Profile {
  readonly id: string;
  readonly accountId: string;
  readonly displayName: string;
  readonly language: string;
  readonly maximumAge: number;
  readonly createdAt: Date;
}

export interface Session {
  readonly id: string;
  readonly accountId: string;
  readonly profileId: string | undefined;
  readonly rotatedAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | undefined;
}

export interface ResumePoint {
  readonly titleId: string;
  readonly positionMs: number;
  readonly durationMs: number;
  readonly isFinished: boolean;
  readonly updatedAt: Date;
}

export interface ListItem {
  readonly titleId: string;
  readonly createdAt: Date;
}

/** What an operator may do. One set for all operators until roles are divided. */
const OPERATOR_PERMISSIONS = [
  "assets.read",
  "assets.write",
  "jobs.read",
  "jobs.write",
  "titles.read",
  "titles.write",
  "licenses.read",
  "quality.read",
] as const;

export function permissionsOf(roles: readonly Role[]): readonly string[] {
  return roles.includes("operator") ? OPERATOR_PERMISSIONS : [];
}

/** The address as it is compared and stored. */
export function normalizeEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** What a presented refresh token means for its session. */
export type RefreshVerdict = "rotate" | "reused" | "ended";

/**
 * Judges a refresh token. The token before the last one is still taken for `graceMs`, because an answer may be lost on
 * its way and two tabs may refresh at once; after that it proves that two parties hold the session (RFC 9700 4.14.2).
 */
export function judgeRefresh(
  session: Session,
  presented: "current" | "previous" | "unknown",
  now: Date,
  graceMs: number,
): RefreshVerdict {
  if (session.endedAt !== undefined || session.expiresAt <= now) return "ended";
  if (presented === "current") return "rotate";
  if (presented === "previous" && now.getTime() - session.rotatedAt.getTime() <= graceMs) return "rotate";
  return "reused";
}
