/** The plays of an account that have not ended, and who may have a stream slot. */

/** A play that lives: what a heartbeat changes, and what it needs to know without asking anybody. Times are in ms. */
export interface LivePlay {
  readonly id: string;
  readonly requestId: string;
  readonly deviceId: string;
  readonly deviceName: string;
  readonly tier: string;
  readonly maximumAge: number;
  readonly durationMs: number;
  /** Its slot is its own until then; afterwards anybody of the account may take it. */
  readonly leaseEndsAt: number;
  readonly seenAt: number;
  /** When availability was asked last. */
  readonly checkedAt: number;
  /** When its position was told last. */
  readonly toldAt: number;
  readonly positionMs: number;
}

export type SlotDecision =
  | { readonly kind: "granted"; readonly replaces: readonly LivePlay[]; readonly lapsed: readonly LivePlay[] }
  | { readonly kind: "repeated"; readonly play: LivePlay }
  | { readonly kind: "refused"; readonly playing: readonly LivePlay[] };

/**
 * Decides on a stream slot. What the same device still holds is replaced, since a reloaded page must not wait for its own
 * lease to run out; what nobody renewed in time gives its slot away. Both end with that: no more plays live than the plan
 * allows, whoever keeps silent.
 */
export function decideSlot(
  plays: readonly LivePlay[],
  asks: { readonly requestId: string; readonly deviceId: string; readonly maxStreams: number; readonly nowMs: number },
): SlotDecision {
  const repeated = plays.find(({ requestId }) => requestId === asks.requestId);
  if (repeated !== undefined) return { kind: "repeated", play: repeated };
  const replaces = plays.filter(({ deviceId }) => deviceId === asks.deviceId);
  const others = plays.filter(({ deviceId }) => deviceId !== asks.deviceId);
  const lapsed = others.filter(({ leaseEndsAt }) => leaseEndsAt <= asks.nowMs);
  const playing = others.filter(({ leaseEndsAt }) => leaseEndsAt > asks.nowMs);
  return playing.length < asks.maxStreams ? { kind: "granted", replaces, lapsed } : { kind: "refused", playing };
}

/** Ended by time: silent for two leases, one longer than it takes to lose the slot to somebody else. */
export function isOverdue(play: LivePlay, leaseMs: number, nowMs: number): boolean {
  return play.leaseEndsAt + leaseMs <= nowMs;
}

type Packed = [string, string, string, string, string, number, number, number, number, number, number, number];

/** As text, without names: it goes over the network with every heartbeat. */
export function packPlays(plays: readonly LivePlay[]): string {
  return JSON.stringify(
    plays.map((play): Packed => {
      const { id, requestId, deviceId, deviceName, tier, maximumAge, durationMs } = play;
      const { leaseEndsAt, seenAt, checkedAt, toldAt, positionMs } = play;
      const times = [leaseEndsAt, seenAt, checkedAt, toldAt, positionMs] as const;
      return [id, requestId, deviceId, deviceName, tier, maximumAge, durationMs, ...times];
    }),
  );
}

export function unpackPlays(text: string): LivePlay[] {
  return (JSON.parse(text) as Packed[]).map((packed) => {
    const [id, requestId, deviceId, deviceName, tier, maximumAge, durationMs, ...times] = packed;
    const [leaseEndsAt, seenAt, checkedAt, toldAt, positionMs] = times;
    const about = { id, requestId, deviceId, deviceName, tier, maximumAge, durationMs };
    return { ...about, leaseEndsAt, seenAt, checkedAt, toldAt, positionMs };
  });
}
