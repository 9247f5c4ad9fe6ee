/** Cuts a film into chunks that can be encoded apart and joined without a seam, on exact frame numbers. */

import type { MediaInfo, VideoStream } from "./probe.ts";
import { frameToSeconds, type Rational, toNumber } from "./rational.ts";

export interface Chunk {
  readonly index: number;
  readonly firstFrame: number;
  readonly frameCount: number;
  /** Where to seek to, counted from the file's start as FFmpeg does; 0 means not to seek. */
  readonly seekSeconds: number;
  /** Frames of the chunk that start a closed GOP; undefined where every `gopFrames`th does. */
  readonly keyframes: readonly number[] | undefined;
}

export interface ChunkPlan {
  readonly frameRate: Rational;
  readonly gopFrames: number;
  readonly frameCount: number;
  /** `counted`: each source frame is one frame. `timed`: frames are taken from the source by their time. */
  readonly timing: "counted" | "timed";
  readonly chunks: readonly Chunk[];
}

/** Long chunks cost least; a short film has shorter ones, so that all workers are busy to its end. */
const MAX_TARGET_SECONDS = 10;
const MIN_TARGET_SECONDS = 4;
const CHUNKS_WANTED = 16;
const GOP_SECONDS = 2;
/** No chunk is shorter than this share of the target, so that start-up does not outweigh the work. */
const SHORTEST = 0.5;
/** A chunk waits this long for a keyframe; beyond, it is cut between two, and what lies before is decoded twice. */
const LONGEST_SECONDS = 2 * MAX_TARGET_SECONDS;
/** Where the source's time bases are coarse, FFmpeg's microseconds must not come out after the frame. */
const SEEK_GUARD_SECONDS = 2e-6;

/**
 * Chunks start at keyframes of the source, where decoding can start without waste, as near to `targetSeconds` (4 to 10
 * by default, growing with the film) as those allow; where the source has none for too long, between two keyframes. All renditions share the plan, so their
 * segments share their boundaries.
 */
export function planChunks(
  info: MediaInfo,
  options: { readonly targetSeconds?: number; readonly gopSeconds?: number } = {},
): ChunkPlan {
  const { video } = info;
  const frameRate = video.frameRate;
  const gopFrames = Math.max(1, Math.round(toNumber(frameRate) * (options.gopSeconds ?? GOP_SECONDS)));
  const usual = Math.min(MAX_TARGET_SECONDS, Math.max(MIN_TARGET_SECONDS, video.durationSeconds / CHUNKS_WANTED));
  const targetFrames = Math.max(gopFrames, toNumber(frameRate) * (options.targetSeconds ?? usual));
  const starts = chunkStarts(video, targetFrames, gopFrames);
  const timing = video.isConstantFrameRate ? "counted" : "timed";
  const chunks = starts.map((start, index): Chunk => {
    const end = starts[index + 1]?.frame ?? video.frameCount;
    const frameCount = end - start.frame;
    const isLast = index === starts.length - 1;
    const seekSeconds = index === 0 ? 0 : seekOf(info, start, timing);
    // At the film's end a short last GOP harms nobody; in its middle it would make a tiny segment.
    const keyframes = isLast || frameCount % gopFrames === 0 ? undefined : evenKeyframes(frameCount, gopFrames);
    return { index, firstFrame: start.frame, frameCount, seekSeconds, keyframes };
  });
  return { frameRate, gopFrames, frameCount: video.frameCount, timing, chunks };
}

/** The chunk of a film that a plan made elsewhere asks for; it is sought at a keyframe where it begins at one. */
export function chunkAt(info: MediaInfo, span: Omit<Chunk, "index" | "seekSeconds">): Chunk {
  const { firstFrame } = span;
  const keyframe = info.video.keyframes.find(({ frame }) => frame === firstFrame);
  const timing = info.video.isConstantFrameRate ? "counted" : "timed";
  const seekSeconds = firstFrame === 0 ? 0 : seekOf(info, { frame: firstFrame, seconds: keyframe?.seconds }, timing);
  return { ...span, index: 0, seekSeconds };
}

/** Frames of the whole film that start a closed GOP. */
export function plannedKeyframes(plan: ChunkPlan): number[] {
  return plan.chunks.flatMap((chunk) => {
    const every = Math.ceil(chunk.frameCount / plan.gopFrames);
    const own = chunk.keyframes ?? Array.from({ length: every }, (_, i) => i * plan.gopFrames);
    return own.map((frame) => chunk.firstFrame + frame);
  });
}

interface Start {
  readonly frame: number;
  /** The keyframe's time on the file's clock; undefined between two. */
  readonly seconds: number | undefined;
}

function chunkStarts(video: VideoStream, targetFrames: number, gopFrames: number): Start[] {
  const starts: Start[] = [{ frame: 0, seconds: undefined }];
  const shortest = targetFrames * SHORTEST;
  const longest = LONGEST_SECONDS * toNumber(video.frameRate);
  for (;;) {
    const from = starts.at(-1)?.frame ?? 0;
    if (video.frameCount - from < targetFrames + shortest) return starts;
    const wanted = from + targetFrames;
    const within = video.keyframes.filter(
      ({ frame }) => frame >= from + shortest && frame <= from + longest && frame <= video.frameCount - shortest,
    );
    if (within.length > 0) {
      const costOf = (frame: number) =>
        Math.abs(frame - wanted) + ((frame - from) % gopFrames === 0 ? 0 : gopFrames / 2);
      starts.push(within.reduce((best, keyframe) => (costOf(keyframe.frame) < costOf(best.frame) ? keyframe : best)));
    } else {
      starts.push({ frame: from + Math.round(targetFrames / gopFrames) * gopFrames, seconds: undefined });
    }
  }
}

function seekOf(info: MediaInfo, start: Start, timing: ChunkPlan["timing"]): number {
  const { video } = info;
  const onGrid = video.startSeconds + frameToSeconds(start.frame, video.frameRate);
  if (timing === "timed") return onGrid - info.startSeconds;
  const halfFrame = frameToSeconds(1, video.frameRate) / 2;
  const seconds = start.seconds === undefined ? onGrid - halfFrame : start.seconds - SEEK_GUARD_SECONDS;
  return Math.max(0, Math.floor((seconds - info.startSeconds) * 1e6) / 1e6);
}

/** GOPs of nearly equal length, none longer than one and a half times the usual. */
function evenKeyframes(frameCount: number, gopFrames: number): number[] {
  const gops = Math.max(1, Math.round(frameCount / gopFrames));
  return Array.from({ length: gops }, (_, i) => Math.round((i * frameCount) / gops));
}
