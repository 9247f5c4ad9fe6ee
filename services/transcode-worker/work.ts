/** Does what a task asks for with FFmpeg, in a folder of its own. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { assertNever } from "#pkg/errors/errors";
import { type ChunkPlan, chunkAt } from "#pkg/media/chunks";
import { AAC_LC } from "#pkg/media/codecs";
import type { X264Preset } from "#pkg/media/encode";
import type { ToolOptions } from "#pkg/media/ffmpeg";
import { encodeAudio, encodeChunk, extractPoster, resizePicture, stitchChunks } from "#pkg/media/run";
import { extractText } from "#pkg/media/text";
import { parseVtt } from "#pkg/media/vtt";
import { errors } from "./errors.ts";
import type { Source } from "./source.ts";
import type { Made, OnProgress, Rational, Work } from "./task.ts";

export interface WorkOptions {
  /** Fetches the original, or gives it from the cache. */
  readonly source: () => Promise<Source>;
  readonly mezzanine: BlobStore;
  /** Empty, and removed by the caller afterwards. */
  readonly folder: string;
  readonly tool: ToolOptions & { readonly signal: AbortSignal };
  readonly onProgress: OnProgress;
}

type Of<Kind extends Work["kind"]> = Extract<Work, { kind: Kind }>;

const NOTHING = { frameCount: 0, durationSeconds: 0, codec: "", cueCount: 0 } as const;
const PRESETS: readonly X264Preset[] = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"];

/** The files that the work makes. Throws the `MEDIA_…` and `WORKER_…` errors, and the signal's reason. */
export function doWork(work: Work, options: WorkOptions): Promise<readonly Made[]> {
  switch (work.kind) {
    case "encode_video":
      return encodeVideo(work, options);
    case "encode_audio":
      return encodeSound(work, options);
    case "extract_text":
      return extractCues(work, options);
    case "join_video":
      return joinVideo(work, options);
    case "take_posters":
      return takePosters(work, options);
    default:
      return assertNever(work);
  }
}

async function encodeVideo(work: Of<"encode_video">, options: WorkOptions): Promise<Made[]> {
  const { path, info } = await options.source();
  if (info.video.frameCount !== work.totalFrameCount) {
    throw errors.WORKER_SOURCE_MISMATCH(work.totalFrameCount, info.video.frameCount);
  }
  const preset = PRESETS.find((known) => known === work.preset);
  if (preset === undefined) throw errors.WORKER_TASK_UNKNOWN(`preset ${work.preset}`);
  const { firstFrame, frameCount, gopFrames, frameRate, totalFrameCount } = work;
  const keyframes = work.keyframes.length > 0 ? work.keyframes : undefined;
  const chunk = chunkAt(info, { firstFrame, frameCount, keyframes });
  const timing = info.video.isConstantFrameRate ? "counted" : "timed";
  const plan: ChunkPlan = { frameRate, gopFrames, frameCount: totalFrameCount, timing, chunks: [chunk] };
  const outputs = work.targets.map((target) => {
    if (target.profile !== "high") throw errors.WORKER_TASK_UNKNOWN(`profile ${target.profile}`);
    const rung = {
      width: target.width,
      height: target.height,
      crf: target.rateFactor,
      maxBitrate: target.maxBitsPerSecond,
      bufferBits: target.bufferBits,
      profile: target.profile,
      level: target.level,
    } as const;
    return { track: target.track, rung, path: join(options.folder, `${target.track}.mp4`) };
  });
  await encodeChunk(
    { source: path, info, plan, chunk, outputs, preset, decoding: work.isFirstLook ? "fast" : "exact" },
    {
      ...options.tool,
      onProgress: ({ frame, speed }) => options.onProgress(Math.min(1, frame / frameCount), speed ?? 0),
    },
  );
  return outputs.map(({ track, path: file }) => video(track, file, frameCount, frameRate));
}

async function joinVideo(work: Of<"join_video">, options: WorkOptions): Promise<Made[]> {
  const { gopFrames, frameRate, frameCount } = work;
  const paths: string[] = [];
  const chunks: ChunkPlan["chunks"][number][] = [];
  let firstFrame = 0;
  for (const [index, span] of work.spans.entries()) {
    const path = join(options.folder, `span-${index}.mp4`);
    await options.mezzanine.getFile(span.blob.key, path, { signal: options.tool.signal });
    paths.push(path);
    chunks.push({ index, firstFrame, frameCount: span.frameCount, seekSeconds: 0, keyframes: undefined });
    firstFrame += span.frameCount;
  }
  const output = join(options.folder, "joined.mp4");
  const plan: ChunkPlan = { frameRate, gopFrames, frameCount, timing: "counted", chunks };
  await stitchChunks({ plan, chunks: paths, output, workFolder: options.folder }, options.tool);
  return [video(work.track, output, frameCount, frameRate)];
}

async function encodeSound(work: Of<"encode_audio">, options: WorkOptions): Promise<Made[]> {
  const { path, info } = await options.source();
  const stream = info.audio.find(({ index }) => index === work.streamIndex);
  if (stream === undefined) throw errors.WORKER_STREAM_MISSING(work.streamIndex);
  const output = join(options.folder, "audio.mp4");
  const durationSeconds = info.video.durationSeconds;
  await encodeAudio(
    { source: path, info, stream, output, bitrate: work.bitsPerSecond },
    {
      ...options.tool,
      onProgress: ({ outTimeMs, speed }) =>
        options.onProgress(Math.min(1, outTimeMs / (durationSeconds * 1000)), speed ?? 0),
    },
  );
  const contentType = "audio/mp4";
  return [
    { ...NOTHING, track: work.track, path: output, extension: "mp4", contentType, durationSeconds, codec: AAC_LC },
  ];
}

async function extractCues(work: Of<"extract_text">, options: WorkOptions): Promise<Made[]> {
  const { path, info } = await options.source();
  const stream = info.text.find(({ index, isText }) => index === work.streamIndex && isText);
  if (stream === undefined) throw errors.WORKER_STREAM_MISSING(work.streamIndex);
  const output = join(options.folder, "text.vtt");
  await extractText({ source: path, info, stream, output }, options.tool);
  const cueCount = parseVtt(await readFile(output, "utf8")).length;
  if (cueCount === 0) return [];
  const { durationSeconds } = info.video;
  return [
    {
      ...NOTHING,
      track: work.track,
      path: output,
      extension: "vtt",
      contentType: "text/vtt",
      durationSeconds,
      cueCount,
    },
  ];
}

/** Of a card on a phone, of a card, and of a large picture on a common screen; the task says how large the largest is. */
const POSTER_WIDTHS = [1280, 640, 320];

async function takePosters(work: Of<"take_posters">, options: WorkOptions): Promise<Made[]> {
  const { path, info } = await options.source();
  const made: Made[] = [];
  for (const [index, seconds] of work.positionsSeconds.entries()) {
    const output = join(options.folder, `poster-${index + 1}.jpg`);
    await extractPoster({ source: path, info, seconds, width: work.width, output }, options.tool);
    const largest = Math.min(work.width, info.video.displayWidth);
    const smaller = POSTER_WIDTHS.filter((width) => width < largest);
    const copies = (["jpg", "webp"] as const).flatMap((extension) =>
      (extension === "jpg" ? smaller : [largest, ...smaller]).map((width) => ({
        ...{ width, extension, output: join(options.folder, `poster-${index + 1}-${width}.${extension}`) },
      })),
    );
    await resizePicture({ source: output, sizes: copies }, options.tool);
    options.onProgress((index + 1) / work.positionsSeconds.length, 0);
    // Copies follow the picture that they show.
    for (const copy of [{ output, extension: "jpg" } as const, ...copies]) {
      made.push({
        ...{ ...NOTHING, track: `poster-${index + 1}`, path: copy.output, extension: copy.extension },
        contentType: copy.extension === "jpg" ? "image/jpeg" : "image/webp",
      });
    }
  }
  return made;
}

function video(track: string, path: string, frameCount: number, frameRate: Rational): Made {
  const durationSeconds = (frameCount * frameRate.den) / frameRate.num;
  return { ...NOTHING, track, path, extension: "mp4", contentType: "video/mp4", frameCount, durationSeconds };
}
