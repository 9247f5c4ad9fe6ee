/** Why the license module refuses, each reason once and with a sentence of its own. */

import { AppError } from "#pkg/errors/errors";
import type { KeySystem } from "./domain/record.ts";

/** There is no play token, or it was never good. */
export function licenseTokenInvalid(cause?: unknown): AppError {
  return new AppError({
    kind: "unauthenticated",
    reason: "LICENSE_TOKEN_INVALID",
    message: "a licence needs the play token that StartPlayback answered, as a bearer token",
    cause,
  });
}

/** The play token was good once. */
export function licenseTokenExpired(): AppError {
  return new AppError({
    kind: "unauthenticated",
    reason: "LICENSE_TOKEN_EXPIRED",
    message: "this play token has expired; a heartbeat answers a new one",
  });
}

/** The token is somebody else's, or of another play of the same person. */
export function licenseSessionMismatch(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "LICENSE_SESSION_MISMATCH",
    message: "this play token belongs to another session",
  });
}

/** The grant carries a term that this release cannot judge. */
export function licenseGrantNotUnderstood(entry: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "LICENSE_GRANT_NOT_UNDERSTOOD",
    message: `this play was granted on a term that this server does not know: ${entry}`,
    metadata: { critical: entry },
  });
}

/** The right to show the title has ended since the play began. */
export function licenseRightsEnded(endedAt: Date): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "LICENSE_RIGHTS_ENDED",
    message: `the right to show this title ended at ${endedAt.toISOString()}`,
    metadata: { rights_end_time: endedAt.toISOString() },
  });
}

/** The play was stopped, replaced, or ended by something else. */
export function licensePlayEnded(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "LICENSE_PLAY_ENDED",
    message: "the play that this token was made for has ended; start it again",
  });
}

/** The viewer is no longer where the play was granted. */
export function licenseTerritory(granted: string, actual: string): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "LICENSE_TERRITORY",
    message: `this play was granted for ${granted}, but the request comes from ${actual}; start it again`,
    metadata: { granted, actual },
  });
}

/** Nothing of what was asked for may be licensed under this token. */
export function licenseKeyNotGranted(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "LICENSE_KEY_NOT_GRANTED",
    message: "none of the keys asked for is granted by this play token",
  });
}

/** The challenge is not what this key system's clients send. `problem` says what is wrong with it. */
export function licenseRequestMalformed(problem: string, cause?: unknown): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "LICENSE_REQUEST_MALFORMED",
    message: `the licence request cannot be read: ${problem}`,
    cause,
  });
}

/** The challenge is longer than any real one. */
export function licenseRequestTooLarge(maxBytes: number): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "LICENSE_REQUEST_TOO_LARGE",
    message: `a licence request has at most ${maxBytes} bytes`,
    metadata: { max_bytes: String(maxBytes) },
  });
}

/** The client asks for a licence that it may keep, or for something else that is not offered. */
export function licenseTypeUnsupported(type: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "LICENSE_TYPE_UNSUPPORTED",
    message: `licences of type ${type} are not offered; ask for a temporary one`,
  });
}

/** The key system exists, but no licences of it are issued here. */
export function keySystemOff(system: KeySystem, why: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "KEY_SYSTEM_OFF",
    message: `${system} licences are not issued here: ${why}`,
    metadata: { key_system: system },
  });
}

/** Nobody knows this key system. */
export function keySystemUnknown(): AppError {
  return new AppError({
    kind: "not_found",
    reason: "KEY_SYSTEM_UNKNOWN",
    message: "key systems are clearkey, widevine, playready and fairplay",
  });
}

/** The asset was deleted, and its keys with it. */
export function keysOfDeletedAsset(): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "KEYS_OF_DELETED_ASSET",
    message: "the asset was deleted, and its keys with it",
  });
}

/** An initialization vector was reported for a key that is not the asset's. */
export function contentKeyUnknown(): AppError {
  return new AppError({
    kind: "not_found",
    reason: "CONTENT_KEY_UNKNOWN",
    message: "a key id does not belong to this asset",
  });
}
