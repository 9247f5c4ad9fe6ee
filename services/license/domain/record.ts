/** A line of the audit log: who asked for what, and what came of it. */

export const KEY_SYSTEMS = ["clearkey", "widevine", "playready", "fairplay"] as const;

export type KeySystem = (typeof KEY_SYSTEMS)[number];

export interface LicenseRecord {
  readonly id: string;
  readonly createdAt: Date;
  readonly keySystem: KeySystem;
  /** Undefined where the licence was issued. */
  readonly refusalReason: string | undefined;
  /** Undefined where the token could not be read, as the two below. */
  readonly playSessionId: string | undefined;
  readonly accountId: string | undefined;
  readonly assetId: string | undefined;
  /** 16 bytes each. */
  readonly requestedKeyIds: readonly Uint8Array[];
  readonly issuedKeyIds: readonly Uint8Array[];
  readonly remoteAddress: string;
  readonly traceId: string;
}
