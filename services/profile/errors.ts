/** What the profile service refuses, each with its reason. */

import { AppError } from "#pkg/errors/errors";

export function emailTaken(): AppError {
  const description = "an account with this address exists; sign in instead";
  return new AppError({
    kind: "already_exists",
    reason: "EMAIL_TAKEN",
    message: `email: ${description}`,
    fields: [{ field: "email", description }],
  });
}

export function signInFailed(): AppError {
  return new AppError({
    kind: "unauthenticated",
    reason: "SIGN_IN_FAILED",
    message: "the address or the password is wrong",
  });
}

export function signInTooOften(retryAfterMs: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "SIGN_IN_TOO_OFTEN",
    message: `too many tries for this address; wait ${Math.ceil(retryAfterMs / 1000)} s`,
    retryAfterMs,
  });
}

export function signUpTooOften(retryAfterMs: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "SIGN_UP_TOO_OFTEN",
    message: "many addresses were tried from here that have an account already; try again later",
    retryAfterMs,
  });
}

export function refreshTokenReused(): AppError {
  return new AppError({
    kind: "unauthenticated",
    reason: "REFRESH_TOKEN_REUSED",
    message: "this refresh token was used before, so the session was ended everywhere; sign in again",
  });
}

export function accountNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "ACCOUNT_NOT_FOUND", message: "there is no such account" });
}

export function profileNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "PROFILE_NOT_FOUND", message: "there is no such profile" });
}
