/** A token bucket as one number: the time at which it would be full again (generic cell rate algorithm). */

export interface Bucket {
  /** Tokens a second in the long run. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds. */
  readonly burst: number;
}

/** A millionth of a millisecond forgives the rounding of sums of fractions. */
const ROUNDING_MS = 1e-6;

/** Takes one token; `fullAtMs` is what the last call returned, undefined for a full bucket, and is kept where none is left. */
export function takeFrom(
  fullAtMs: number | undefined,
  nowMs: number,
  { perSecond, burst }: Bucket,
): { readonly fullAtMs: number; readonly retryAfterMs: number } {
  const tokenMs = 1000 / perSecond;
  const before = Math.max(fullAtMs ?? nowMs, nowMs);
  const retryAfterMs = before + tokenMs - burst * tokenMs - nowMs;
  if (retryAfterMs > ROUNDING_MS) return { fullAtMs: before, retryAfterMs: Math.ceil(retryAfterMs) };
  return { fullAtMs: before + tokenMs, retryAfterMs: 0 };
}
