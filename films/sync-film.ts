/** The test film for sound and picture in step: a white frame and a click exactly every ten seconds, in two languages. */

import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { run } from "./sound/process.ts";

export interface SyncFilmOptions {
  /** Length of the film in seconds. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
}

/** Frames a second of every sync film, as a fraction. */
export const SYNC_FRAME_RATE = [24_000, 1001] as const;

/** Seconds between two flashes. */
export const SYNC_PERIOD_SECONDS = 10;

/** The languages of its audio tracks and the pitch of their click, in Hz; the click lasts 40 ms. */
export const SYNC_LANGUAGES = [
  { tag: "en", iso639: "eng", clickHz: 1000 },
  { tag: "de", iso639: "deu", clickHz: 2000 },
] as const;

/** How many frames a sync film of this length has. */
export function syncFrameCount(seconds: number): number {
  return Math.round((seconds * SYNC_FRAME_RATE[0]) / SYNC_FRAME_RATE[1]);
}

/** The frames that are white: the first one at or after 0 s, 10 s, 20 s, … */
export function flashFrames(seconds: number): readonly number[] {
  const frames: number[] = [];
  for (let at = 0; at < seconds; at += SYNC_PERIOD_SECONDS)
    frames.push(Math.ceil((at * SYNC_FRAME_RATE[0]) / SYNC_FRAME_RATE[1]));
  return frames.filter((frame) => frame < syncFrameCount(seconds));
}

/** When this frame is shown, in seconds. The click of a flash begins exactly then. */
export function frameSeconds(frame: number): number {
  return (frame * SYNC_FRAME_RATE[1]) / SYNC_FRAME_RATE[0];
}

/**
 * Writes a 640x360 film at 24000/1001 frames a second, H.264 and AAC in MP4 or, by the path's ending, MKV.
 * Takes about a tenth of its length to make.
 */
export async function makeSyncFilm(path: string, { seconds, signal }: SyncFilmOptions): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const format = path.endsWith(".mkv") ? "matroska" : "mp4";
  const unfinished = `${path}.${process.pid}.part`;
  try {
    await run("ffmpeg", syncFilmArgs(unfinished, format, seconds), { signal });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

function syncFilmArgs(path: string, format: string, seconds: number): string[] {
  const [numerator, denominator] = SYNC_FRAME_RATE;
  const frames = syncFrameCount(seconds);
  const exactSeconds = frameSeconds(frames);
  // The number of the first frame at or after the tenfold second: white when a multiple of ten seconds lies in the frame's own span before it.
  const period = `(${SYNC_PERIOD_SECONDS}*${numerator}/${denominator})`;
  const isFlash = `lt(n-${period}*floor(n/${period}),1)`;
  const video = [
    `testsrc2=s=640x360:r=${numerator}/${denominator}`,
    // Half as bright, so that nothing but the flash is white.
    "format=yuv420p,lutyuv=y=16+(val-16)/2",
    `drawbox=x=0:y=0:w=640:h=360:color=white:t=fill:enable='${isFlash}'`,
  ].join(",");
  // A click starts at the shown time of its flash frame: ceil(k * period) * frame length.
  const flashTime = `(ceil(floor((t*${numerator}/${denominator}+0.0001)/${period})*${period}-0.0001)*${denominator}/${numerator})`;
  const click = (pitch: number) =>
    `aevalsrc='0.8*sin(2*PI*${pitch}*(t-${flashTime}))*between(t-${flashTime},0,0.04)':s=48000:d=${exactSeconds}`;
  const inputs = ["-f", "lavfi", "-i", video];
  const maps = ["-map", "0:v"];
  for (const [at, language] of SYNC_LANGUAGES.entries()) {
    inputs.push("-f", "lavfi", "-i", click(language.clickHz));
    maps.push("-map", `${at + 1}:a`, `-metadata:s:a:${at}`, `language=${language.iso639}`);
  }
  return [
    ...["-v", "error", "-y"],
    ...inputs,
    ...maps,
    ...["-frames:v", `${frames}`, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "48"],
    ...["-c:a", "aac", "-b:a", "96k", "-f", format, path],
  ];
}
