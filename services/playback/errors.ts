/** What the playback service refuses, each with its reason. */

import { defineErrors, inField } from "#pkg/errors/errors";
import type { EndReason } from "./domain/session.ts";

const ENDED: Readonly<Record<EndReason, string>> = {
  stopped: "this play was stopped; start it again",
  expired: "this play was given up after a silence; start it again",
  rights_ended: "the right to show this title has ended",
  replaced: "another play was started on this device, which ended this one",
  unavailable: "this title may no longer be watched",
  signed_out: "this play ended with the sign-in that started it",
  account_deleted: "this play ended with its account",
  ended_elsewhere: "this play was ended from another device of the account",
};

export const errors = defineErrors({
  /** Availability said no; its own reason goes with it as metadata, its sentence as the message. */
  TITLE_UNAVAILABLE: [
    "failed_precondition",
    (availability: { readonly reason: string; readonly message: string }) => ({
      message: availability.message,
      metadata: { availability: availability.reason },
    }),
  ],
  /** Every stream of the plan is in use. */
  STREAM_LIMIT_REACHED: [
    "resource_exhausted",
    (maxStreams: number, devices: readonly string[]) => {
      const screens = maxStreams === 1 ? "one screen" : `${maxStreams} screens`;
      return {
        message: `your plan plays on ${screens} at once; stop one of: ${devices.join(", ")}`,
        metadata: { max_streams: String(maxStreams), devices: devices.join(", ") },
      };
    },
  ],
  FORMAT_UNAVAILABLE: [
    "failed_precondition",
    () => ({
      message: "this title is not packaged in a format that the device can play",
      fields: [{ field: "device.formats", description: "none of these is packaged for this title" }],
    }),
  ],
  KEY_SYSTEM_UNAVAILABLE: [
    "failed_precondition",
    () => ({
      message: "this title is encrypted and the device names no key system that is offered here",
      fields: [{ field: "device.key_systems", description: "none of these is offered here" }],
    }),
  ],
  PLAY_SESSION_MISMATCH: ["permission_denied", "this play token belongs to another session"],
  /** The grant carries a term that this release cannot judge. */
  PLAY_GRANT_NOT_UNDERSTOOD: [
    "failed_precondition",
    (entry: string) => ({
      message: `this play was granted on a term that this server does not know: ${entry}`,
      metadata: { critical: entry },
    }),
  ],
  /** `reason` says how it ended, where that is known. */
  PLAY_SESSION_ENDED: [
    "failed_precondition",
    (reason: EndReason | undefined) => ({
      message: reason === undefined ? "this play has ended; start it again" : ENDED[reason],
      metadata: reason === undefined ? {} : { end_reason: reason },
    }),
  ],
  /** Neither a play of the account nor one that it had. */
  PLAY_SESSION_NOT_FOUND: ["not_found", "there is no such play"],
  /** Too many devices of one account at the same moment. */
  PLAYS_BUSY: [
    "unavailable",
    () => ({ message: "too many plays of this account change at once; try again", retryAfterMs: 500 }),
  ],
  /** The play that the address was made for has ended. */
  MEDIA_SESSION_ENDED: ["permission_denied", "the play that this address was made for has ended"],
  PLAY_REQUEST_REUSED: [
    "failed_precondition",
    () =>
      inField(
        "request_id",
        "started another title, or another profile's or device's play; a new start needs a new one",
      ),
  ],
  MEDIA_TOKEN_INVALID: ["permission_denied", "this address was not made for this session, or has been changed"],
  MEDIA_TOKEN_EXPIRED: ["permission_denied", "this address has expired; start the play again"],
  MEDIA_NOT_FOUND: ["not_found", "there is no such file"],
});
