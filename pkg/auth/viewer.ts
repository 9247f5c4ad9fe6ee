/** What a viewer token says: signed by the profile module, read by every process. */

/** The claims of a viewer token beside the registered ones; the subject is the account's id. */
export interface ViewerClaims {
  /** The sign-in session's id. */
  readonly sid: string;
  /** The chosen profile's id, where one was chosen. */
  readonly pid?: string;
  readonly roles: readonly ("creator" | "operator")[];
  readonly permissions: readonly string[];
}

/** The issuer of viewer tokens. */
export const VIEWER_ISSUER = "profile";

/** The issuer of play tokens. */
export const PLAY_ISSUER = "playback";

/** The `use` claim of a play token, which tells it from other tokens of the same issuer. */
export const PLAY_TOKEN_USE = "play";

/** Undefined where the claims are of another shape. */
export function parseViewerClaims(claims: Readonly<Record<string, unknown>>): ViewerClaims | undefined {
  const { sid, pid, roles, permissions } = claims;
  if (typeof sid !== "string") return undefined;
  if (pid !== undefined && typeof pid !== "string") return undefined;
  if (!isStringArray(roles) || !isStringArray(permissions)) return undefined;
  return {
    sid,
    ...(pid === undefined ? {} : { pid }),
    roles: roles.filter((role) => role === "creator" || role === "operator"),
    permissions,
  };
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
