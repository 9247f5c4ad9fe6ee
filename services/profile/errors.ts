/** What the profile service refuses, each with its reason. */

import { defineErrors, inField } from "#pkg/errors/errors";

export const errors = defineErrors({
  EMAIL_TAKEN: ["already_exists", () => inField("email", "an account with this address exists; sign in instead")],
  SIGN_IN_FAILED: ["unauthenticated", "the address or the password is wrong"],
  SIGN_IN_TOO_OFTEN: [
    "resource_exhausted",
    (retryAfterMs: number) => ({
      message: `too many tries for this address; wait ${Math.ceil(retryAfterMs / 1000)} s`,
      retryAfterMs,
    }),
  ],
  SIGN_UP_TOO_OFTEN: [
    "resource_exhausted",
    (retryAfterMs: number) => ({
      message: "many addresses were tried from here that have an account already; try again later",
      retryAfterMs,
    }),
  ],
  REFRESH_TOKEN_REUSED: [
    "unauthenticated",
    "this refresh token was used before, so the session was ended everywhere; sign in again",
  ],
  ACCOUNT_NOT_FOUND: ["not_found", "there is no such account"],
  PROFILE_NOT_FOUND: ["not_found", "there is no such profile"],
});
