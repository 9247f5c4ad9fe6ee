/** Codec strings (RFC 6381) and the H.264 level limits (ITU-T H.264 Annex A) behind them. */

import { type Rational, toNumber } from "./rational.ts";

export type AvcProfile = "main" | "high";

/** AAC-LC: MPEG-4 audio (0x40), object type 2. */
export const AAC_LC = "mp4a.40.2";

/** H.264 as FFmpeg's x264 writes it: profile, no constraint flags, level; `avc1.640028` is High at level 4.0. */
export function avcCodecString(profile: AvcProfile, level: string): string {
  const profileIdc = profile === "high" ? 0x64 : 0x4d;
  // x264 sets constraint_set1_flag for Main.
  const constraints = profile === "high" ? 0x00 : 0x40;
  const levelIdc = Math.round(Number(level) * 10);
  return `avc1.${[profileIdc, constraints, levelIdc].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

interface Level {
  readonly name: string;
  /** Macroblocks per second, macroblocks per frame, macroblocks of the picture buffer, kbit/s for Main. */
  readonly limits: readonly [perSecond: number, perFrame: number, buffer: number, kilobits: number];
}

/** Table A-1. */
const LEVELS: readonly Level[] = [
  { name: "1.2", limits: [6_000, 396, 2_376, 384] },
  { name: "1.3", limits: [11_880, 396, 2_376, 768] },
  { name: "2.0", limits: [11_880, 396, 2_376, 2_000] },
  { name: "2.1", limits: [19_800, 792, 4_752, 4_000] },
  { name: "2.2", limits: [20_250, 1_620, 8_100, 4_000] },
  { name: "3.0", limits: [40_500, 1_620, 8_100, 10_000] },
  { name: "3.1", limits: [108_000, 3_600, 18_000, 14_000] },
  { name: "3.2", limits: [216_000, 5_120, 20_480, 20_000] },
  { name: "4.0", limits: [245_760, 8_192, 32_768, 20_000] },
  { name: "4.2", limits: [522_240, 8_704, 34_816, 50_000] },
  { name: "5.0", limits: [589_824, 22_080, 110_400, 135_000] },
  { name: "5.1", limits: [983_040, 36_864, 184_320, 240_000] },
  { name: "5.2", limits: [2_073_600, 36_864, 184_320, 240_000] },
  { name: "6.0", limits: [4_177_920, 139_264, 696_320, 240_000] },
  { name: "6.2", limits: [16_711_680, 139_264, 696_320, 800_000] },
];

/** Reference frames that every level chosen here has room for, so that slower presets fit too. */
const REFERENCE_FRAMES = 4;

/** The lowest level that carries such a video; the highest of all for what no level carries. */
export function avcLevel(video: {
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational;
  /** Bits per second. */
  readonly maxBitrate: number;
}): string {
  const perFrame = Math.ceil(video.width / 16) * Math.ceil(video.height / 16);
  const needs = [
    perFrame * toNumber(video.frameRate),
    perFrame,
    perFrame * REFERENCE_FRAMES,
    video.maxBitrate / 1000,
  ] as const;
  const level = LEVELS.find(({ limits }) => limits.every((limit, i) => (needs[i] ?? 0) <= limit));
  return level?.name ?? "6.2";
}
