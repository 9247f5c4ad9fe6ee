/** What the playback service refuses, each with its reason. */

import { AppError } from "#pkg/errors/errors";
import type { EndReason } from "./domain/session.ts";

/** Availability said no; its own reason goes with it as metadata, its sentence as the message. */
export function titleUnavailable(availability: { readonly reason: string; readonly message: string }): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "TITLE_UNAVAILABLE",
    message: availability.message,
    metadata: { availability: availability.reason },
  });
}

/** Every stream of the plan is in use. */
export function streamLimitReached(maxStreams: number, devices: readonly string[]): AppError {
  const screens = maxStreams === 1 ? "one screen" : `${maxStreams} screens`;
  return new AppError({
    kind: "resource_exhausted",
    reason: "STREAM_LIMIT_REACHED",
    message: `your plan plays on ${screens} at once; stop one of: ${devices.join(", ")}`,
    metadata: { max_streams: String(maxStreams), devices: devices.join(", ") },
  });
}

export function formatUnavailable(): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "FORMAT_UNAVAILABLE",
    message: "this title is not packaged in a format that the device can play",
    fields: [{ field: "device.formats", description: "none of these is packaged for this title" }],
  });
}

export function keySystemUnavailable(): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "KEY_SYSTEM_UNAVAILABLE",
    message: "this title is encrypted and the device names no key system that is offered here",
    fields: [{ field: "device.key_systems", description: "none of these is offered here" }],
  });
}

export function playSessionMismatch(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "PLAY_SESSION_MISMATCH",
    message: "this play token belongs to another session",
  });
}

/** The grant carries a term that this release cannot judge. */
export function playGrantNotUnderstood(entry: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "PLAY_GRANT_NOT_UNDERSTOOD",
    message: `this play was granted on a term that this server does not know: ${entry}`,
    metadata: { critical: entry },
  });
}

const ENDED: Readonly<Record<EndReason, string>> = {
  stopped: "this play was stopped; start it again",
  expired: "this play was given up after a silence; start it again",
  rights_ended: "the right to show this title has ended",
  replaced: "another play was started on this device, which ended this one",
  unavailable: "this title may no longer be watched",
  signed_out: "this play ended with the sign-in that started it",
  account_deleted: "this play ended with its account",
};

/** `reason` says how it ended, where that is known. */
export function playSessionEnded(reason: EndReason | undefined): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "PLAY_SESSION_ENDED",
    message: reason === undefined ? "this play has ended; start it again" : ENDED[reason],
    metadata: reason === undefined ? {} : { end_reason: reason },
  });
}

/** Too many devices of one account at the same moment. */
export function playsBusy(): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "PLAYS_BUSY",
    message: "too many plays of this account change at once; try again",
    retryAfterMs: 500,
  });
}

/** The play that the address was made for has ended. */
export function mediaSessionEnded(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "MEDIA_SESSION_ENDED",
    message: "the play that this address was made for has ended",
  });
}

export function playRequestReused(): AppError {
  const description = "started another title, or another profile's or device's play; a new start needs a new one";
  return new AppError({
    kind: "failed_precondition",
    reason: "PLAY_REQUEST_REUSED",
    message: `request_id: ${description}`,
    fields: [{ field: "request_id", description }],
  });
}

export function mediaTokenInvalid(cause?: unknown): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "MEDIA_TOKEN_INVALID",
    message: "this address was not made for this session, or has been changed",
    cause,
  });
}

export function mediaTokenExpired(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "MEDIA_TOKEN_EXPIRED",
    message: "this address has expired; start the play again",
  });
}

export function mediaNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "MEDIA_NOT_FOUND", message: "there is no such file" });
}
