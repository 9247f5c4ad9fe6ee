/** Decides a film's exact frame rate, and whether its frames lie on it, from the times of its packets. */

import type { VideoPackets } from "./probe-packets.ts";
import { equals, parseRational, type Rational, rational, toNumber } from "./rational.ts";
import { BREATH, breathe, Ticks } from "./ticks.ts";

export interface FrameTiming {
  readonly frameRate: Rational;
  readonly isConstantFrameRate: boolean;
  readonly frameCount: number;
  readonly durationSeconds: number;
  readonly startSeconds: number;
  readonly keyframes: readonly { readonly frame: number; readonly seconds: number }[];
}

/** The rates that cameras and studios use; a measured rate is taken for the one it cannot be told from. */
const STANDARD_RATES = [
  rational(12),
  rational(15),
  rational(24000, 1001),
  rational(24),
  rational(25),
  rational(30000, 1001),
  rational(30),
  rational(48000, 1001),
  rational(48),
  rational(50),
  rational(60000, 1001),
  rational(60),
  rational(100),
  rational(120000, 1001),
  rational(120),
];

/** A frame this far from its place on the grid, in frames, still counts as on it: it moves by less than one is long. */
const MAX_JITTER = 0.35;
/** Encodings run at most this fast. */
const MAX_RATE = 120;
const KEYFRAME_SPACING_SECONDS = 1;

export async function timeFrames(
  packets: VideoPackets,
  stream: { readonly declared: readonly Rational[]; readonly timeBase: Rational; readonly isInterlaced: boolean },
): Promise<FrameTiming> {
  const { ticks, keyTicks } = packets;
  const tickSeconds = toNumber(stream.timeBase);
  const first = ticks[0] ?? 0;
  const last = ticks.at(-1) ?? first;
  const startSeconds = first * tickSeconds;
  const spanSeconds = (last - first) * tickSeconds;
  if (ticks.length < 2 || spanSeconds <= 0) {
    const frameRate = stream.declared[0] ?? rational(25);
    return {
      frameRate,
      isConstantFrameRate: true,
      frameCount: ticks.length,
      durationSeconds: 0,
      startSeconds,
      keyframes: [],
    };
  }
  const average = (ticks.length - 1) / spanSeconds;
  const best = await bestConstantRate(ticks, tickSeconds, candidates(average, stream.declared));
  // Fields in packets of their own cannot be counted as frames.
  if (best !== undefined && !stream.isInterlaced) {
    const frameSeconds = 1 / toNumber(best);
    return {
      frameRate: best,
      isConstantFrameRate: true,
      frameCount: ticks.length,
      durationSeconds: ticks.length * frameSeconds,
      startSeconds,
      keyframes: await keyframesOf(keyTicks, { first, tickSeconds, frameSeconds }, ticks.length),
    };
  }
  const frameRate = await variableRate(ticks, tickSeconds, average, stream);
  const frameSeconds = 1 / toNumber(frameRate);
  const lastDuration = packets.endTicks === undefined ? 0 : (packets.endTicks - last) * tickSeconds;
  // A last picture that stands for long is kept, within reason.
  const durationSeconds = spanSeconds + Math.min(Math.max(lastDuration, 1 / average), 10);
  const frameCount = Math.max(1, Math.round(durationSeconds / frameSeconds));
  return {
    frameRate,
    isConstantFrameRate: false,
    frameCount,
    durationSeconds: frameCount * frameSeconds,
    startSeconds,
    keyframes: await keyframesOf(keyTicks, { first, tickSeconds, frameSeconds }, frameCount),
  };
}

function candidates(average: number, declared: readonly Rational[]): Rational[] {
  const near = (rate: Rational, tolerance: number) => Math.abs(toNumber(rate) / average - 1) < tolerance;
  const rates = [...declared, ...STANDARD_RATES].filter((rate) => toNumber(rate) <= MAX_RATE && near(rate, 0.02));
  return rates.filter((rate, i) => rates.findIndex((other) => equals(rate, other)) === i);
}

/** The rate whose grid the frames leave least, if they stay near it; the first listed where two are as good. */
async function bestConstantRate(
  ticks: Float64Array,
  tickSeconds: number,
  rates: readonly Rational[],
): Promise<Rational | undefined> {
  let best: { readonly rate: Rational; readonly jitter: number } | undefined;
  for (const rate of rates) {
    const perFrame = rate.den / rate.num / tickSeconds;
    const first = ticks[0] ?? 0;
    let jitter = 0;
    for (let i = 0; i < ticks.length && jitter <= MAX_JITTER; i++) {
      jitter = Math.max(jitter, Math.abs((ticks[i] ?? 0) - first - i * perFrame) / perFrame);
      if (i % BREATH === BREATH - 1) await breathe();
    }
    if (jitter <= MAX_JITTER && (best === undefined || jitter < best.jitter - 1e-4)) best = { rate, jitter };
  }
  return best?.rate;
}

/** A constant rate for frames that come when they please: the declared or standard rate nearest to their average. */
async function variableRate(
  ticks: Float64Array,
  tickSeconds: number,
  average: number,
  stream: { readonly declared: readonly Rational[]; readonly isInterlaced: boolean },
): Promise<Rational> {
  // The rate of the usual distance: a film with dropped frames keeps the rate it was shot at.
  const apart = new Ticks();
  for (let i = 1; i < ticks.length; i++) {
    const distance = (ticks[i] ?? 0) - (ticks[i - 1] ?? 0);
    if (distance > 0) apart.push(distance);
    if (i % BREATH === 0) await breathe();
  }
  const distances = await apart.sorted();
  const median = (distances[Math.floor(distances.length / 2)] ?? 0) * tickSeconds;
  const usual = median > 0 && !stream.isInterlaced ? 1 / median : average;
  const wanted = Math.min(usual > 2 * average ? average : usual, 60);
  const declared = stream.declared.filter(
    (rate) => toNumber(rate) <= 60 && Math.abs(toNumber(rate) / wanted - 1) < 0.02,
  );
  const choices = declared.length > 0 ? declared : STANDARD_RATES.filter((rate) => toNumber(rate) <= 60);
  const start = choices[0] ?? parseRational("25") ?? rational(25);
  return choices.reduce((a, b) => (Math.abs(toNumber(b) - wanted) < Math.abs(toNumber(a) - wanted) ? b : a), start);
}

/** At most one a second, of those before the film's end: sources of nothing but keyframes name some of them. */
async function keyframesOf(
  keyTicks: Float64Array,
  grid: { readonly first: number; readonly tickSeconds: number; readonly frameSeconds: number },
  frameCount: number,
): Promise<FrameTiming["keyframes"]> {
  const kept: { readonly frame: number; readonly seconds: number }[] = [];
  for (let i = 0; i < keyTicks.length; i++) {
    if (i % BREATH === BREATH - 1) await breathe();
    const tick = keyTicks[i] ?? 0;
    const seconds = tick * grid.tickSeconds;
    const before = kept.at(-1);
    if (before !== undefined && seconds - before.seconds < KEYFRAME_SPACING_SECONDS) continue;
    const frame = Math.round(((tick - grid.first) * grid.tickSeconds) / grid.frameSeconds);
    if (frame < frameCount) kept.push({ frame, seconds });
  }
  return kept;
}
