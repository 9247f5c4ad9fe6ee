/** Decides a film's exact frame rate, and whether its frames lie on it, from the times of its packets. */

import type { VideoPackets } from "./probe-packets.ts";
import { equals, parseRational, type Rational, rational, toNumber } from "./rational.ts";

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

export function timeFrames(
  packets: VideoPackets,
  stream: { readonly declared: readonly Rational[]; readonly timeBase: Rational; readonly isInterlaced: boolean },
): FrameTiming {
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
  const best = bestConstantRate(ticks, tickSeconds, candidates(average, stream.declared));
  // Fields in packets of their own cannot be counted as frames.
  if (best !== undefined && !stream.isInterlaced) {
    const frameSeconds = 1 / toNumber(best);
    const frames = keyTicks.map((tick) => ({
      frame: Math.round(((tick - first) * tickSeconds) / frameSeconds),
      seconds: tick * tickSeconds,
    }));
    return {
      frameRate: best,
      isConstantFrameRate: true,
      frameCount: ticks.length,
      durationSeconds: ticks.length * frameSeconds,
      startSeconds,
      keyframes: thin(frames),
    };
  }
  const frameRate = variableRate(ticks, tickSeconds, average, stream);
  const frameSeconds = 1 / toNumber(frameRate);
  const lastDuration = packets.endTicks === undefined ? 0 : (packets.endTicks - last) * tickSeconds;
  // A last picture that stands for long is kept, within reason.
  const durationSeconds = spanSeconds + Math.min(Math.max(lastDuration, 1 / average), 10);
  const frameCount = Math.max(1, Math.round(durationSeconds / frameSeconds));
  const frames = keyTicks
    .map((tick) => ({ frame: Math.round(((tick - first) * tickSeconds) / frameSeconds), seconds: tick * tickSeconds }))
    .filter(({ frame }) => frame < frameCount);
  return {
    frameRate,
    isConstantFrameRate: false,
    frameCount,
    durationSeconds: frameCount * frameSeconds,
    startSeconds,
    keyframes: thin(frames),
  };
}

function candidates(average: number, declared: readonly Rational[]): Rational[] {
  const near = (rate: Rational, tolerance: number) => Math.abs(toNumber(rate) / average - 1) < tolerance;
  const rates = [...declared, ...STANDARD_RATES].filter((rate) => toNumber(rate) <= MAX_RATE && near(rate, 0.02));
  return rates.filter((rate, i) => rates.findIndex((other) => equals(rate, other)) === i);
}

/** The rate whose grid the frames leave least, if they stay near it; the first listed where two are as good. */
function bestConstantRate(
  ticks: readonly number[],
  tickSeconds: number,
  rates: readonly Rational[],
): Rational | undefined {
  let best: { readonly rate: Rational; readonly jitter: number } | undefined;
  for (const rate of rates) {
    const perFrame = rate.den / rate.num / tickSeconds;
    const first = ticks[0] ?? 0;
    let jitter = 0;
    for (let i = 0; i < ticks.length && jitter <= MAX_JITTER; i++) {
      jitter = Math.max(jitter, Math.abs((ticks[i] ?? 0) - first - i * perFrame) / perFrame);
    }
    if (jitter <= MAX_JITTER && (best === undefined || jitter < best.jitter - 1e-4)) best = { rate, jitter };
  }
  return best?.rate;
}

/** A constant rate for frames that come when they please: the declared or standard rate nearest to their average. */
function variableRate(
  ticks: readonly number[],
  tickSeconds: number,
  average: number,
  stream: { readonly declared: readonly Rational[]; readonly isInterlaced: boolean },
): Rational {
  // The rate of the usual distance: a film with dropped frames keeps the rate it was shot at.
  const distances = ticks
    .slice(1)
    .map((tick, i) => tick - (ticks[i] ?? 0))
    .filter((distance) => distance > 0);
  distances.sort((a, b) => a - b);
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

/** Sources of nothing but keyframes name some of them. */
function thin<T extends { readonly frame: number; readonly seconds: number }>(keyframes: readonly T[]): T[] {
  const kept: T[] = [];
  for (const keyframe of keyframes) {
    const before = kept.at(-1);
    if (before === undefined || keyframe.seconds - before.seconds >= KEYFRAME_SPACING_SECONDS) kept.push(keyframe);
  }
  return kept;
}
