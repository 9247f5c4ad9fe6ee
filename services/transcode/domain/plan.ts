/** Which tracks and tasks an asset needs, and in which order they are worth doing. */

import { newId } from "#pkg/clock/clock";
import type { PlannedTask, Rational, Track, VideoTarget, Work } from "./job.ts";
import type { Rung, SourceMedia } from "./source.ts";
import { cutForWorkers, gopFramesOf, mergeEvenly } from "./spans.ts";
import { audioTracks, textTracks, videoTrack } from "./tracks.ts";

export interface PlanOptions {
  readonly preset: string;
  readonly gopSeconds: number;
  readonly chunkSeconds: number;
  readonly firstLookSeconds: number;
  readonly audioBitsPerSecond: number;
  readonly workers: number;
  readonly now: Date;
}

export interface PlannedTrack {
  readonly track: Track;
  readonly isEarly: boolean;
}

export interface Plan {
  readonly gopFrames: number;
  readonly tracks: readonly PlannedTrack[];
  readonly tasks: readonly PlannedTask[];
}

/*
 * Costs are in megapixels encoded with x264 veryfast. From the measurements in performance.md: a core encodes 59 of them
 * in a second, decodes 3.4 times as many, and encodes 59 seconds of sound.
 */
const COST_PER_CORE_SECOND = 59;
const DECODE_COST = 0.3;
const AUDIO_COST_PER_SECOND = 1;
const TEXT_COST_PER_SECOND = 0.1;
const JOIN_COST = 15;
const POSTER_COST = 20;
const TASK_COST = 5;

/** Shorter films are watchable as early without a look ahead. */
const FIRST_LOOK_FROM_SECONDS = 8;
/**
 * Shares of the film, best first. Titles and credits stand at both ends: the inner part is left of them in a short film,
 * and in one of five minutes or more the first and the last minute are. People choose among the pictures.
 */
const POSTER_PLACES = [0.5, 0.38, 0.62, 0.28, 0.72, 0.45];
const POSTER_WIDTH = 1920;
const STEREO = 2;
/** Tasks of this length need no second place to look for a poster. */
const ONE_POSTER_UP_TO_SECONDS = 3;

/** Of ten seconds each, a day of film stays below. A keyframe may make a chunk half as long, so there are at most twice as many. */
const MAX_CHUNKS = 10_000;
/** A week at 120 frames a second; nothing longer passes an inspection, whatever its settings. */
const MAX_FRAMES = 7 * 24 * 3600 * 120;
const MAX_SIDE = 32_768;
const MAX_SOUNDS = 256;
const MAX_TEXTS = 512;

/** Why nothing can be made of it, to complete "The film cannot be encoded: .."; undefined where something can. */
export function whyUnusable({ video, audio, text }: SourceMedia): string | undefined {
  const { frameRate, frameCount, width, height } = video;
  if (frameCount < 1 || frameRate.num < 1 || frameRate.den < 1) return "it has no frames";
  if (frameCount > MAX_FRAMES) return `it has more than ${MAX_FRAMES} frames`;
  if (width < 2 || height < 2) return "its picture is too small";
  if (width > MAX_SIDE || height > MAX_SIDE) return `its picture is larger than ${MAX_SIDE} pixels a side`;
  if (audio.length > MAX_SOUNDS) return `it has more than ${MAX_SOUNDS} sound tracks`;
  if (text.length > MAX_TEXTS) return `it has more than ${MAX_TEXTS} text tracks`;
  return undefined;
}

/** `ladder` from the lowest rung upwards, one at least. */
export function planJob(media: SourceMedia, ladder: readonly Rung[], options: PlanOptions): Plan {
  const { frameRate, frameCount, keyframes } = media.video;
  const gopFrames = gopFramesOf(frameRate, options.gopSeconds);
  const filmSeconds = secondsOf(frameCount, frameRate);
  const film = { frameCount, gopFrames, keyframes };
  // A longer film has longer chunks, not more of them.
  const chunkFrames = Math.max(framesIn(options.chunkSeconds, frameRate), frameCount / MAX_CHUNKS);
  const chunks = cutForWorkers(film, chunkFrames, options.workers);
  const videos = ladder.map((rung) => ({ track: videoTrack(rung, frameRate), target: toTarget(rung) }));
  const audio = audioTracks(media.audio);
  const text = textTracks(media.text);
  const hasFirstLook = videos.length > 1 && filmSeconds >= FIRST_LOOK_FROM_SECONDS && chunks.length > 1;
  const looks = hasFirstLook
    ? mergeEvenly(film, chunks, Math.max(framesIn(options.firstLookSeconds, frameRate), chunkFrames), options.workers)
    : [];
  const lowest = videos[0];
  const above = hasFirstLook ? videos.slice(1) : videos;
  const sourcePixels = media.video.width * media.video.height;
  const encoding = (span: (typeof chunks)[number], targets: readonly VideoTarget[], isFirstLook: boolean): Draft => ({
    work: {
      kind: "encode_video",
      ...span,
      targets: targets.toSorted((a, b) => b.width * b.height - a.width * a.height),
      preset: options.preset,
      isFirstLook,
    },
    tracks: targets.map((target) => target.track),
    filmSeconds: secondsOf(span.frameCount, frameRate),
    cost: (span.frameCount / 1e6) * (sourcePixels * DECODE_COST + sum(targets.map((t) => t.width * t.height))),
  });
  const sounds = audio.map(({ track, streamIndex }): Draft & { readonly isDefault: boolean } => ({
    work: {
      kind: "encode_audio",
      streamIndex,
      track: track.id,
      channels: STEREO,
      bitsPerSecond: options.audioBitsPerSecond,
    },
    tracks: [track.id],
    filmSeconds,
    cost: filmSeconds * AUDIO_COST_PER_SECOND,
    isDefault: track.isDefault,
  }));
  const texts = text.map(
    ({ track, streamIndex }): Draft => ({
      work: { kind: "extract_text", streamIndex, track: track.id },
      tracks: [track.id],
      filmSeconds,
      cost: filmSeconds * TEXT_COST_PER_SECOND,
    }),
  );
  const join = (track: string): Draft => ({
    work: { kind: "join_video", track, spans: [] },
    tracks: [track],
    filmSeconds,
    cost: JOIN_COST,
  });
  const early = order(options, { priority: 0, isEarly: true }, [
    posters(filmSeconds),
    ...sounds.filter((sound) => sound.isDefault),
    ...texts,
    ...looks.map((span) => encoding(span, lowest === undefined ? [] : [lowest.target], true)),
  ]);
  // Sound cannot be cut, so it must not be what the end waits for.
  const main = order(options, { priority: 1, isEarly: false }, [
    ...sounds.filter((sound) => !sound.isDefault),
    ...chunks.map((span) =>
      encoding(
        span,
        above.map(({ target }) => target),
        false,
      ),
    ),
  ]);
  const joins = videos.map(({ track }): PlannedTask => {
    const isEarly = hasFirstLook && track.id === lowest?.track.id;
    const [task] = order(options, { priority: isEarly ? 0 : 1, isEarly }, [join(track.id)], "blocked");
    if (task === undefined) throw new Error("one draft makes one task");
    return task;
  });
  return {
    gopFrames,
    tracks: [
      ...videos.map(({ track }) => ({ track, isEarly: track.id === lowest?.track.id })),
      ...audio.map(({ track }) => ({ track, isEarly: track.isDefault })),
      ...text.map(({ track }) => ({ track, isEarly: true })),
    ],
    tasks: [...early, ...joins, ...main],
  };
}

interface Draft {
  readonly work: Work;
  readonly tracks: readonly string[];
  readonly filmSeconds: number;
  readonly cost: number;
}

/**
 * Ranks tasks by the moment at which each would begin if the job had the workers to itself. Jobs are so interleaved by
 * what they have had of their share: a long film does not hold up a short one, nor a stream of short ones a long one.
 */
function order(
  options: PlanOptions,
  { priority, isEarly }: Pick<PlannedTask, "priority" | "isEarly">,
  drafts: readonly Draft[],
  state: PlannedTask["state"] = "ready",
): PlannedTask[] {
  let rank = options.now.getTime() / 1000;
  return drafts.map((draft) => {
    const cost = draft.cost + TASK_COST;
    const task = { ...draft, cost, id: newId(), state, priority, isEarly, rank };
    rank += cost / COST_PER_CORE_SECOND / options.workers;
    return task;
  });
}

function posters(filmSeconds: number): Draft {
  const places = filmSeconds <= ONE_POSTER_UP_TO_SECONDS ? [0] : POSTER_PLACES;
  return {
    work: {
      kind: "take_posters",
      positionsSeconds: places.map((place) => Math.round(place * filmSeconds * 1000) / 1000),
      width: POSTER_WIDTH,
    },
    tracks: [],
    filmSeconds: 0,
    cost: places.length * POSTER_COST,
  };
}

function toTarget(rung: Rung): VideoTarget {
  return {
    track: `video-${rung.name}`,
    width: rung.width,
    height: rung.height,
    rateFactor: rung.crf,
    maxBitsPerSecond: rung.maxBitrate,
    bufferBits: rung.bufferBits,
    level: rung.level,
    profile: rung.profile,
  };
}

function secondsOf(frames: number, frameRate: Rational): number {
  return (frames * frameRate.den) / frameRate.num;
}

function framesIn(seconds: number, frameRate: Rational): number {
  return (seconds * frameRate.num) / frameRate.den;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
