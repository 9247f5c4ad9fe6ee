/** Exact fractions for frame rates and times: 23.976 frames a second is 24000/1001, and nothing else. */

/** In lowest terms with a positive denominator; both are safe integers. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

/** Throws a RangeError for a zero denominator or terms beyond 2^53. */
export function rational(num: number, den = 1): Rational {
  if (!Number.isSafeInteger(num) || !Number.isSafeInteger(den) || den === 0) {
    throw new RangeError(`not an exact fraction: ${num}/${den}`);
  }
  const divisor = greatestCommonDivisor(Math.abs(num), Math.abs(den)) || 1;
  const sign = den < 0 ? -1 : 1;
  return { num: (sign * num) / divisor + 0, den: (sign * den) / divisor };
}

/** `25`, `24000/1001`, and ffprobe's `16:9`; undefined for anything else and for a zero denominator. */
export function parseRational(text: string): Rational | undefined {
  const match = /^(-?\d{1,15})(?:[/:](\d{1,15}))?$/.exec(text);
  if (match === null) return undefined;
  const den = Number(match[2] ?? 1);
  return den === 0 ? undefined : rational(Number(match[1]), den);
}

/** `24000/1001`, and `25` for a whole number. */
export function formatRational({ num, den }: Rational): string {
  return den === 1 ? String(num) : `${num}/${den}`;
}

export function toNumber({ num, den }: Rational): number {
  return num / den;
}

export function multiply(a: Rational, b: Rational): Rational {
  // Across first, so that the products stay small.
  const left = rational(a.num, b.den);
  const right = rational(b.num, a.den);
  return rational(left.num * right.num, left.den * right.den);
}

export function invert({ num, den }: Rational): Rational {
  return rational(den, num);
}

export function divide(a: Rational, b: Rational): Rational {
  return multiply(a, invert(b));
}

export function equals(a: Rational, b: Rational): boolean {
  return a.num === b.num && a.den === b.den;
}

/** Negative where `a` is the smaller one. */
export function compare(a: Rational, b: Rational): number {
  return a.num * b.den - b.num * a.den;
}

/** The time at which frame `index` is shown, in seconds; exact up to the last bit of a double. */
export function frameToSeconds(index: number, frameRate: Rational): number {
  return (index * frameRate.den) / frameRate.num;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
