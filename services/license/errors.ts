/** Why the license module refuses, each reason once and with a sentence of its own. */

import { defineErrors } from "#pkg/errors/errors";
import type { KeySystem } from "./domain/record.ts";

export const errors = defineErrors({
  /** There is no play token, or it was never good. */
  LICENSE_TOKEN_INVALID: [
    "unauthenticated",
    "a licence needs the play token that StartPlayback answered, as a bearer token",
  ],
  /** The play token was good once. */
  LICENSE_TOKEN_EXPIRED: ["unauthenticated", "this play token has expired; a heartbeat answers a new one"],
  /** The token is somebody else's, or of another play of the same person. */
  LICENSE_SESSION_MISMATCH: ["permission_denied", "this play token belongs to another session"],
  /** The grant carries a term that this release cannot judge. */
  LICENSE_GRANT_NOT_UNDERSTOOD: [
    "failed_precondition",
    (entry: string) => ({
      message: `this play was granted on a term that this server does not know: ${entry}`,
      metadata: { critical: entry },
    }),
  ],
  /** The right to show the title has ended since the play began. */
  LICENSE_RIGHTS_ENDED: [
    "permission_denied",
    (endedAt: Date) => ({
      message: `the right to show this title ended at ${endedAt.toISOString()}`,
      metadata: { rights_end_time: endedAt.toISOString() },
    }),
  ],
  /** The play was stopped, replaced, or ended by something else. */
  LICENSE_PLAY_ENDED: ["permission_denied", "the play that this token was made for has ended; start it again"],
  /** The viewer is no longer where the play was granted. */
  LICENSE_TERRITORY: [
    "permission_denied",
    (granted: string, actual: string) => ({
      message: `this play was granted for ${granted}, but the request comes from ${actual}; start it again`,
      metadata: { granted, actual },
    }),
  ],
  /** Nothing of what was asked for may be licensed under this token. */
  LICENSE_KEY_NOT_GRANTED: ["permission_denied", "none of the keys asked for is granted by this play token"],
  /** The challenge is not what this key system's clients send. `problem` says what is wrong with it. */
  LICENSE_REQUEST_MALFORMED: [
    "invalid_argument",
    (problem: string, cause?: unknown) => ({ message: `the licence request cannot be read: ${problem}`, cause }),
  ],
  /** The challenge is longer than any real one. */
  LICENSE_REQUEST_TOO_LARGE: [
    "invalid_argument",
    (maxBytes: number) => ({
      message: `a licence request has at most ${maxBytes} bytes`,
      metadata: { max_bytes: String(maxBytes) },
    }),
  ],
  /** The client asks for a licence that it may keep, or for something else that is not offered. */
  LICENSE_TYPE_UNSUPPORTED: [
    "failed_precondition",
    (type: string) => `licences of type ${type} are not offered; ask for a temporary one`,
  ],
  /** The key system exists, but no licences of it are issued here. */
  KEY_SYSTEM_OFF: [
    "failed_precondition",
    (system: KeySystem, why: string) => ({
      message: `${system} licences are not issued here: ${why}`,
      metadata: { key_system: system },
    }),
  ],
  /** Nobody knows this key system. */
  KEY_SYSTEM_UNKNOWN: ["not_found", "key systems are clearkey, widevine, playready and fairplay"],
  /** The asset was deleted, and its keys with it. */
  KEYS_OF_DELETED_ASSET: ["failed_precondition", "the asset was deleted, and its keys with it"],
  /** Keys do not rotate here yet. */
  CRYPTO_PERIOD_UNSUPPORTED: [
    "failed_precondition",
    (period: bigint) => ({
      message: `the keys of this content do not rotate: there is no crypto period ${period}`,
      metadata: { crypto_period: String(period) },
      fields: [{ field: "crypto_period", description: "must be 0 or absent" }],
    }),
  ],
  /** An initialization vector was reported for a key that is not the asset's. */
  CONTENT_KEY_UNKNOWN: ["not_found", "a key id does not belong to this asset"],
});
