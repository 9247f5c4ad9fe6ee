/** Public keys of the issuers in the system, by name: how one module verifies what another has signed. */

import type { JWK } from "jose";

/** What an issuer publishes at `/.well-known/jwks/{issuer}.json` (RFC 7517). */
export interface KeySet {
  /** The public keys that are valid now, newest first. */
  keys(): Promise<readonly JWK[]>;
}

export interface KeySets {
  /** The issuer's keys, cached; fetched again when `kid` is not among them, at most once in ten seconds. */
  find(issuer: string, kid: string): Promise<JWK | undefined>;
}
