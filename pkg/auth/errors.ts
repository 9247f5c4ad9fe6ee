/** Why a token is refused. */

import { AppError } from "#pkg/errors/errors";

/** The token was never good: garbage, a wrong signature, an unknown key or issuer. */
export function tokenInvalid(cause?: unknown): AppError {
  return new AppError({ kind: "unauthenticated", reason: "TOKEN_INVALID", message: "the token is not valid", cause });
}

/** The token was good once. */
export function tokenExpired(): AppError {
  return new AppError({ kind: "unauthenticated", reason: "TOKEN_EXPIRED", message: "the token has expired" });
}

/** The session that the token belongs to was signed out of, or ended otherwise. */
export function sessionEnded(): AppError {
  return new AppError({
    kind: "unauthenticated",
    reason: "SESSION_ENDED",
    message: "this session has ended; sign in again",
  });
}

/** The issuer's public keys cannot be had at the moment. */
export function keySetUnavailable(issuer: string, cause?: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "KEY_SET_UNAVAILABLE",
    message: `the keys of ${issuer} cannot be read at the moment`,
    metadata: { issuer },
    cause,
  });
}
