/** What a player says about a play, with every figure inside the bounds that a play can have. */

export type PlayerEventKind =
  | "play_requested"
  | "first_frame"
  | "rebuffer_ended"
  | "rendition_changed"
  | "player_error"
  | "play_ended"
  | "sample";

export interface PlayerEvent {
  readonly id: string;
  readonly sequence: number;
  readonly kind: PlayerEventKind;
  /** By the player's clock. */
  readonly occurredAt: Date;
  readonly positionMs?: number;
  readonly startupMs?: number;
  readonly stallMs?: number;
  readonly playingMs?: number;
  readonly stalledMs?: number;
  readonly bitsPerSecond?: number;
  readonly height?: number;
  readonly droppedFrames?: number;
  readonly player?: string;
  readonly code?: string;
  readonly message?: string;
  readonly isFatal?: boolean;
  readonly isBusinessException?: boolean;
  /** Of a failure, from pressing play. */
  readonly elapsedMs?: number;
}

/** A batch as it was received. */
export interface PlayerEventBatch {
  /** Of the play session, or the key of a view that came to none. */
  readonly sessionId: string;
  readonly titleId: string | undefined;
  readonly territory: string;
  /** By our clock. */
  readonly receivedAt: Date;
  readonly events: readonly PlayerEvent[];
}

/** Nobody plays for longer in one session, and no rendition needs more: a broken player must not spoil the sums. */
const MAX_SPAN_MS = 24 * 3_600_000;
const MAX_BITS_PER_SECOND = 1_000_000_000;

export function boundSpanMs(ms: number): number {
  return bound(ms, MAX_SPAN_MS);
}

export function boundBitsPerSecond(bits: number): number {
  return bound(bits, MAX_BITS_PER_SECOND);
}

/** The player's time where it can be one, otherwise ours. */
export function boundTime(date: Date, receivedAt: Date): Date {
  const ms = date.getTime();
  return Number.isNaN(ms) || ms < 0 || ms > MAX_TIME_MS ? receivedAt : date;
}

/** The end of the year 9999. */
const MAX_TIME_MS = 253_402_300_799_000;

/** Text that the database can hold. */
export function boundText(text: string): string {
  return text.replaceAll("\0", "");
}

function bound(value: number, max: number): number {
  return Number.isFinite(value) ? Math.round(Math.min(Math.max(value, 0), max)) : 0;
}
