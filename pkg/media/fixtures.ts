/** Small films for the tests of this folder, made by FFmpeg; and stream descriptions without a film. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { MediaInfo, VideoStream } from "./probe.ts";
import { rational } from "./rational.ts";

/** Runs ffmpeg with inputs of its own making, which the allow-lists of film files would refuse. */
export async function makeFilm(path: string, args: readonly string[]): Promise<string> {
  await promisify(execFile)("ffmpeg", ["-nostdin", "-y", "-v", "error", ...args, path]);
  return path;
}

/** A moving test picture; tagged as BT.709, so that it is not converted. */
export function testPicture(size: string, rate: string, seconds: number): string[] {
  return ["-f", "lavfi", "-i", `testsrc2=s=${size}:r=${rate}:d=${seconds}`];
}

export const X264 = [
  "-c:v",
  "libx264",
  "-preset",
  "ultrafast",
  "-bf",
  "2",
  "-colorspace",
  "bt709",
  "-pix_fmt",
  "yuv420p",
];

export function describedVideo(changes: Partial<VideoStream> = {}): VideoStream {
  return {
    index: 0,
    codec: "h264",
    profile: "High",
    width: 1920,
    height: 1080,
    rotation: 0,
    sampleAspectRatio: rational(1),
    displayWidth: 1920,
    displayHeight: 1080,
    pixelFormat: "yuv420p",
    bitDepth: 8,
    colour: { primaries: "bt709", transfer: "bt709", matrix: "bt709", range: "tv" },
    dynamicRange: "sdr",
    isInterlaced: false,
    frameRate: rational(24000, 1001),
    isConstantFrameRate: true,
    frameCount: 1440,
    durationSeconds: 60.06,
    startSeconds: 0,
    keyframes: [0, 240, 480, 720, 960, 1200].map((frame) => ({ frame, seconds: (frame * 1001) / 24000 })),
    ...changes,
  };
}

export function describedMedia(video: Partial<VideoStream> = {}): MediaInfo {
  const described = describedVideo(video);
  return {
    container: "mov",
    sizeBytes: 1,
    durationSeconds: described.durationSeconds,
    startSeconds: Math.min(0, described.startSeconds),
    title: undefined,
    video: described,
    audio: [],
    text: [],
  };
}
