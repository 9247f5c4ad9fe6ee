/** Encodes, joins and extracts: each job's command line is run and its result checked before anyone may use it. */

import { readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { newId } from "#pkg/clock/clock";
import { canToneMap } from "./capabilities.ts";
import type { ChunkPlan } from "./chunks.ts";
import {
  type AudioJob,
  audioArgs,
  type ChunkJob,
  chunkArgs,
  posterArgs,
  resizeArgs,
  stitchArgs,
  stitchList,
} from "./encode.ts";
import { errors } from "./errors.ts";
import { type Progress, runTool, type ToolOptions } from "./ffmpeg.ts";
import { countVideoSamples, readTracks } from "./mp4.ts";
import type { MediaInfo } from "./probe.ts";

const HALF_SAMPLE_SECONDS = 1 / 96_000;
/** AAC begins with a frame of silence and ends with a whole frame; a frame is 1024 samples of 48 kHz. */
const MAX_PADDING_SECONDS = 4096 / 48_000;

export interface EncodeOptions extends ToolOptions {
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Encodes one chunk in every rendition that the job names. Throws `MEDIA_FRAME_COUNT` where a result has not exactly the
 * chunk's frames, and what `runTool` throws; the outputs are removed then.
 */
export async function encodeChunk(job: ChunkJob, options: EncodeOptions = {}): Promise<void> {
  const hasZscale = job.info.video.dynamicRange !== "sdr" && (await canToneMap());
  const paths = job.outputs.map(({ path }) => path);
  await orRemove(paths, async () => {
    await runTool({ ...options, tool: "ffmpeg", args: chunkArgs({ hasZscale, ...job }) });
    for (const path of paths) await checkFrames(path, job.chunk.frameCount);
  });
}

export interface StitchJob {
  readonly plan: ChunkPlan;
  /** The files of one rendition in `workFolder`, in the order of the plan's chunks. */
  readonly chunks: readonly string[];
  readonly output: string;
  /** Where the list of chunks is written as well. */
  readonly workFolder: string;
}

/** Joins the chunks of one rendition to a plain MP4 file. Throws `MEDIA_FRAME_COUNT` and what `runTool` throws. */
export async function stitchChunks(job: StitchJob, options: ToolOptions = {}): Promise<void> {
  const list = join(job.workFolder, `${newId()}.ffconcat`);
  await orRemove([job.output], async () => {
    try {
      const names = job.chunks.map((path) => relative(job.workFolder, path));
      await writeFile(list, stitchList(job.plan, names));
      const args = stitchArgs({ list, frameRate: job.plan.frameRate, output: job.output });
      await runTool({ ...options, tool: "ffmpeg", args, reads: [job.workFolder] });
    } finally {
      await rm(list, { force: true });
    }
    await checkFrames(job.output, job.plan.frameCount);
  });
}

/**
 * Encodes a whole audio stream, aligned with the video. Throws `MEDIA_OUTPUT_DAMAGED` where it does not last as long, and
 * what `runTool` throws; the output is removed then.
 */
export async function encodeAudio(job: AudioJob, options: EncodeOptions = {}): Promise<void> {
  await orRemove([job.output], async () => {
    await runTool({ ...options, tool: "ffmpeg", args: audioArgs(job) });
    const tracks = await readTracks(job.output);
    const [track] = tracks;
    if (tracks.length !== 1 || track?.handler !== "soun")
      throw errors.MEDIA_OUTPUT_DAMAGED(job.output, "it has no sound");
    const excess = track.seconds - job.info.video.durationSeconds;
    if (excess < -HALF_SAMPLE_SECONDS || excess > MAX_PADDING_SECONDS) {
      throw errors.MEDIA_OUTPUT_DAMAGED(
        job.output,
        `it lasts ${track.seconds} s, not ${job.info.video.durationSeconds} s`,
      );
    }
  });
}

export interface PosterJob {
  readonly source: string;
  readonly info: MediaInfo;
  /** From the first frame. */
  readonly seconds: number;
  /** At most; the picture is never scaled up. */
  readonly width: number;
  /** A .jpg file. */
  readonly output: string;
}

/** Takes one picture out of the film, in the film's own proportions. */
export async function extractPoster(job: PosterJob, options: ToolOptions = {}): Promise<void> {
  const hasZscale = job.info.video.dynamicRange !== "sdr" && (await canToneMap());
  await orRemove([job.output], async () => {
    await runTool({ ...options, tool: "ffmpeg", args: posterArgs({ hasZscale, ...job }) });
    await checkPicture(job.output);
  });
}

/** Makes copies of a JPEG picture: JPEG, or WebP where the file is named so. Throws what `runTool` throws; no copy is left then. */
export async function resizePicture(
  job: { readonly source: string; readonly sizes: readonly { readonly width: number; readonly output: string }[] },
  options: ToolOptions = {},
): Promise<void> {
  const outputs = job.sizes.map(({ output }) => output);
  await orRemove(outputs, async () => {
    await runTool({ ...options, tool: "ffmpeg", args: resizeArgs(job) });
    for (const output of outputs) await checkPicture(output);
  });
}

async function checkPicture(path: string): Promise<void> {
  const picture = await readFile(path);
  if (!(path.endsWith(".webp") ? isWholeWebp(picture) : isWholeJpeg(picture)))
    throw errors.MEDIA_OUTPUT_DAMAGED(path, "the picture has no end");
}

/** ITU-T T.81, table B.1: start and end of image. */
function isWholeJpeg(picture: Buffer): boolean {
  return (
    picture.length > 4 && picture.readUInt16BE(0) === 0xffd8 && picture.readUInt16BE(picture.length - 2) === 0xffd9
  );
}

/** RFC 9649, section 2.4: a RIFF file that says how long it is. */
function isWholeWebp(picture: Buffer): boolean {
  return (
    picture.length > 12 &&
    picture.toString("latin1", 8, 12) === "WEBP" &&
    picture.readUInt32LE(4) === picture.length - 8
  );
}

async function checkFrames(path: string, expected: number): Promise<void> {
  const found = await countVideoSamples(path);
  if (found !== expected) throw errors.MEDIA_FRAME_COUNT(path, expected, found);
}

/** A file that could not be finished must not be taken for one that was. */
async function orRemove(paths: readonly string[], action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    for (const path of paths) await rm(path, { force: true });
    throw error;
  }
}
