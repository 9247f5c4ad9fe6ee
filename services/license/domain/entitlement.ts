/** The one decision before any engine: may this token have a licence, and for which keys. */

import { errors } from "../errors.ts";
import { type KeyClass, toKid, type WrappedContentKey } from "./content-key.ts";

/** Protection of the digital output, from none to the strictest. */
export type Hdcp = "none" | "v1" | "v2" | "v2_1" | "v2_2" | "v2_3";

/** Protection in the device, from none to the strictest. */
export type Robustness =
  | "none"
  | "software_crypto"
  | "software_decode"
  | "hardware_crypto"
  | "hardware_decode"
  | "hardware_all";

/** On what terms a class of keys is licensed. Key systems that can enforce less than this refuse or ignore, as they say. */
export interface KeyPolicy {
  readonly licenseDurationMs: number;
  readonly minHdcp: Hdcp;
  readonly minRobustness: Robustness;
  readonly canRenew: boolean;
  readonly canPersist: boolean;
}

/** A verified play token, as far as licences are concerned. */
export interface Grant {
  readonly playSessionId: string;
  readonly accountId: string;
  readonly assetId: string;
  /** The package's revision that is played; undefined where the grant names none. */
  readonly played: { readonly packageId: string; readonly revision: number } | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly territory: string;
  /** Undefined where the right never ends. */
  readonly rightsEndAt: Date | undefined;
  readonly policies: ReadonlyMap<KeyClass, KeyPolicy>;
  /** What must be understood before anything is licensed. */
  readonly critical: readonly string[];
}

/** Where and when a licence is asked for. */
export interface Circumstances {
  readonly now: Date;
  /** Id of the play session that the caller says it belongs to. */
  readonly playSessionId: string;
  readonly tokenExpiresAt: Date;
  /** ISO 3166-1 alpha-2 of where the request comes from. */
  readonly territory: string;
}

/** Entries of `critical` that this release acts on. */
const UNDERSTOOD: ReadonlySet<string> = new Set();

/**
 * Throws the first reason against any licence under this grant. Whose token it is comes first; the end of rights comes
 * before expiry, because a token never outlives the rights and the viewer should be told the cause.
 */
export function checkGrant(grant: Grant, at: Circumstances): void {
  if (at.playSessionId !== grant.playSessionId) throw errors.LICENSE_SESSION_MISMATCH();
  const unknown = grant.critical.find((entry) => !UNDERSTOOD.has(entry));
  if (unknown !== undefined) throw errors.LICENSE_GRANT_NOT_UNDERSTOOD(unknown);
  if (grant.rightsEndAt !== undefined && at.now >= grant.rightsEndAt)
    throw errors.LICENSE_RIGHTS_ENDED(grant.rightsEndAt);
  if (at.now >= at.tokenExpiresAt) throw errors.LICENSE_TOKEN_EXPIRED();
  if (at.territory !== grant.territory) throw errors.LICENSE_TERRITORY(grant.territory, at.territory);
}

/** How long a licence for these keys lasts: as long as the shortest of their policies, and never past the rights. */
export function lastsMs(grant: Grant, granted: readonly GrantedKey[], now: Date): number {
  const rightsMs =
    grant.rightsEndAt === undefined ? Number.POSITIVE_INFINITY : grant.rightsEndAt.getTime() - now.getTime();
  return Math.max(0, Math.min(rightsMs, ...granted.map(({ policy }) => policy.licenseDurationMs)));
}

/** A key that may be licensed, and on what terms. */
export interface GrantedKey {
  readonly key: WrappedContentKey;
  readonly policy: KeyPolicy;
}

/**
 * Of the keys asked for, those that the grant covers: known, of its asset, of a class with a policy. The others are
 * left out, for a player can go on without them. Throws `LICENSE_KEY_NOT_GRANTED` where nothing is left.
 */
export function grantedKeys(
  grant: Grant,
  requested: readonly string[],
  known: readonly WrappedContentKey[],
): GrantedKey[] {
  const wanted = new Set(requested);
  const granted = known.flatMap((key): GrantedKey[] => {
    const policy = grant.policies.get(key.keyClass);
    const covered = wanted.has(toKid(key.keyId)) && key.assetId === grant.assetId;
    return covered && policy !== undefined ? [{ key, policy }] : [];
  });
  if (granted.length === 0) throw errors.LICENSE_KEY_NOT_GRANTED();
  return granted;
}
