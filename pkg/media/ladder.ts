/** Which renditions a film is offered in: from its own picture downwards, never upwards. */

import { avcCodecString, avcLevel } from "./codecs.ts";
import type { VideoStream } from "./probe.ts";
import { toNumber } from "./rational.ts";

/** One H.264 rendition. */
export interface Rung {
  /** `1080p`: by the height of the 16:9 box that holds the picture, so a wide film of 1920×800 has it too. */
  readonly name: string;
  /** Even, in square pixels. */
  readonly width: number;
  readonly height: number;
  /** x264's quality target; `maxBitrate` bounds what it may cost. */
  readonly crf: number;
  /** Bits per second. */
  readonly maxBitrate: number;
  /** Size of the decoder's buffer in bits. */
  readonly bufferBits: number;
  readonly profile: "high";
  /** H.264 level such as `4.0`. */
  readonly level: string;
  /** RFC 6381, such as `avc1.640028`. */
  readonly codecs: string;
}

/** What the ladder depends on. */
export type LadderSource = Pick<VideoStream, "displayWidth" | "displayHeight" | "frameRate">;

/** Height of the 16:9 box, bits per second at 24 to 30 frames, CRF. */
const STEPS = [
  { height: 240, bitrate: 400_000, crf: 25 },
  { height: 360, bitrate: 900_000, crf: 24 },
  { height: 480, bitrate: 1_600_000, crf: 23 },
  { height: 720, bitrate: 3_500_000, crf: 23 },
  { height: 1080, bitrate: 6_500_000, crf: 23 },
  { height: 1440, bitrate: 11_000_000, crf: 23 },
  { height: 2160, bitrate: 20_000_000, crf: 23 },
] as const;

/** A source this little above a step is brought down to it instead of getting a rung of its own. */
const NEAR_STEP = 1.1;
const FAST_FRAMES_PER_SECOND = 31;
const FAST_FRAMES_BITRATE = 1.5;

/** The rungs from the lowest upwards; at least one. `maxHeight` bounds the 16:9 box: 1080 leaves 2160p out. */
export function buildLadder(video: LadderSource, options: { readonly maxHeight?: number } = {}): readonly Rung[] {
  const source = { width: video.displayWidth, height: video.displayHeight };
  const long = Math.max(source.width, source.height);
  const short = Math.min(source.width, source.height);
  // The height of the smallest 16:9 box, upright or lying, that holds the picture.
  const own = Math.min(Math.max(short, (long * 9) / 16), options.maxHeight ?? Number.POSITIVE_INFINITY);
  const below = STEPS.filter((step) => step.height <= own).map((step) => step.height as number);
  const top = below.at(-1);
  const heights = top !== undefined && own <= top * NEAR_STEP ? below : [...below, own];
  return heights.map((height) => toRung(video, source, height, Math.max(short, (long * 9) / 16)));
}

function toRung(
  video: LadderSource,
  source: { readonly width: number; readonly height: number },
  boxHeight: number,
  ownHeight: number,
): Rung {
  const scale = Math.min(1, boxHeight / ownHeight);
  const width = even(source.width * scale);
  const height = even(source.height * scale);
  const { bitrate, crf } = quality(boxHeight);
  const isFast = toNumber(video.frameRate) > FAST_FRAMES_PER_SECOND;
  const maxBitrate = Math.round(bitrate * (isFast ? FAST_FRAMES_BITRATE : 1));
  const level = avcLevel({ width, height, frameRate: video.frameRate, maxBitrate });
  return {
    name: `${Math.round(boxHeight)}p`,
    width,
    height,
    crf,
    maxBitrate,
    bufferBits: maxBitrate * 2,
    profile: "high",
    level,
    codecs: avcCodecString("high", level),
  };
}

/** Bits grow with the picture, but less than its area does. */
function quality(boxHeight: number): { readonly bitrate: number; readonly crf: number } {
  const step = STEPS.find(({ height }) => height >= boxHeight) ?? STEPS[STEPS.length - 1] ?? STEPS[0];
  if (step.height === boxHeight) return step;
  return { bitrate: Math.round(step.bitrate * (boxHeight / step.height) ** 1.6), crf: step.crf };
}

/** 4:2:0 needs even sides. Rounded down, so that a picture is never scaled up. */
function even(length: number): number {
  return Math.max(2, Math.floor((length + 0.01) / 2) * 2);
}
