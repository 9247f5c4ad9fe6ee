/** A play of a title on a device. */

export interface Device {
  readonly id: string;
  readonly kind: "web" | "tv" | "mobile" | "";
  readonly displayName: string;
}

export interface PlaySession {
  readonly id: string;
  readonly accountId: string;
  readonly profileId: string;
  readonly titleId: string;
  readonly assetId: string;
  readonly displayTitle: string;
  readonly device: Device;
  readonly territory: string;
  readonly tier: string;
  readonly maximumAge: number;
  /** The grant as proto-JSON. */
  readonly grant: object;
  readonly durationMs: number;
  readonly positionMs: number;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly leaseExpiresAt: Date;
  readonly endedAt: Date | undefined;
}

/** Holds a stream slot now. */
export function isActive(session: PlaySession, now: Date): boolean {
  return session.endedAt === undefined && session.leaseExpiresAt > now;
}

export type SlotDecision =
  | { readonly kind: "granted"; readonly takesOver: readonly PlaySession[] }
  | { readonly kind: "refused"; readonly playing: readonly PlaySession[] };

/**
 * Decides on a stream slot. What the same device still holds is taken over: a reloaded page must not wait for its own
 * lease to run out.
 */
export function decideSlot(active: readonly PlaySession[], deviceId: string, maxStreams: number): SlotDecision {
  const own = active.filter(({ device }) => device.id === deviceId);
  const others = active.filter(({ device }) => device.id !== deviceId);
  return others.length < maxStreams ? { kind: "granted", takesOver: own } : { kind: "refused", playing: others };
}
