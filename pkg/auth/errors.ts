/** Why a token is refused. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  /** The token was never good: garbage, a wrong signature, an unknown key or issuer. */
  TOKEN_INVALID: ["unauthenticated", "the token is not valid"],
  /** The token was good once. */
  TOKEN_EXPIRED: ["unauthenticated", "the token has expired"],
  /** The session that the token belongs to was signed out of, or ended otherwise. */
  SESSION_ENDED: ["unauthenticated", "this session has ended; sign in again"],
  /** The issuer's public keys cannot be had at the moment. */
  KEY_SET_UNAVAILABLE: [
    "unavailable",
    (issuer: string, cause?: unknown) => ({
      message: `the keys of ${issuer} cannot be read at the moment`,
      metadata: { issuer },
      cause,
    }),
  ],
});
