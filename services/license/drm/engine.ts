/**
 * One digital rights management system: reads its challenges and writes its licences. An engine decides nothing about
 * entitlement and fetches no key; it gets the grant that was decided and the keys that may be issued. What holds for
 * every adapter is in `conformance.ts`.
 */

import type { SecretBytes } from "#pkg/keys/keys";
import type { Grant, KeyPolicy } from "../domain/entitlement.ts";
import type { KeySystem } from "../domain/record.ts";

/** What licences are worth: the DRM owner's, signed under synthetic roots, or nothing. */
export type Trust = "production" | "synthetic-test" | "none";

/** More keys than this in one challenge are refused. */
export const MAX_KEY_IDS = 20;

export interface ParsedChallenge {
  /** 16 bytes each, without repeats, in the order asked for. */
  readonly keyIds: readonly Uint8Array[];
  readonly kind: "new" | "renew" | "release";
  /** What the engine needs to answer; nobody else looks into it. */
  readonly state: unknown;
}

export interface IssuableKey {
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** 16 bytes; zeroed by the caller after the licence was written. */
  readonly key: SecretBytes;
  /** What the tracks of the play's package are encrypted with; only for an engine that needs it. */
  readonly ivs: readonly TrackIv[];
  readonly policy: KeyPolicy;
}

/** The constant initialization vector of a track. */
export interface TrackIv {
  /** The track's id. */
  readonly track: string;
  /** 8 or 16 bytes. */
  readonly constantIv: Uint8Array;
}

/** What a challenge that wants no keys is answered, such as the certificate of the service. */
export interface Reply extends License {
  readonly kind: "reply";
}

export interface License {
  /** Zeroed by the caller after it was sent, where the licence shows its keys. */
  readonly body: Uint8Array;
  readonly contentType: string;
}

export interface LicenseEngine {
  readonly system: KeySystem;
  readonly trust: Trust;
  /** Names in Encrypted Media Extensions, preferred first. */
  readonly emeNames: readonly string[];
  /** Whether licences say themselves how long they last; of others the answer's header says it, and the player renews. */
  readonly saysDuration: boolean;
  /** Whether licences carry initialization vectors. */
  readonly needsIvs: boolean;
  /** What an operator should know of it; one sentence. */
  readonly note: string;
  /** Throws `LICENSE_REQUEST_MALFORMED` or `LICENSE_TYPE_UNSUPPORTED`, whatever the bytes are. */
  parse(challenge: Uint8Array): Promise<ParsedChallenge | Reply>;
  /** `keys` holds at least one key, each asked for in `challenge`. */
  issue(challenge: ParsedChallenge, grant: Grant, keys: readonly IssuableKey[]): Promise<License>;
}
