/** What a film file holds, read in two passes of ffprobe: the streams, and every packet's time. */

import { stat } from "node:fs/promises";
import { errors } from "./errors.ts";
import type { ToolOptions } from "./ffmpeg.ts";
import { type FrameTiming, timeFrames } from "./frame-timing.ts";
import { DEFAULT_LIMITS, FRAMES_WITHOUT_QUESTION, MAX_PIXEL_ASPECT, MAX_PIXELS, type MediaLimits } from "./limits.ts";
import { checkContainer, readStreams } from "./probe-container.ts";
import { type PacketScan, scanPackets } from "./probe-packets.ts";
import type { RawMedia, RawStream } from "./probe-raw.ts";
import { parseRational, type Rational, rational } from "./rational.ts";

export interface MediaInfo {
  /** FFmpeg's first name of the container, such as `mov` or `matroska`. */
  readonly container: string;
  readonly sizeBytes: number;
  /** Of the longest stream. */
  readonly durationSeconds: number;
  /** The earliest time of any stream, from which FFmpeg counts. */
  readonly startSeconds: number;
  readonly title: string | undefined;
  readonly video: VideoStream;
  readonly audio: readonly AudioStream[];
  readonly text: readonly TextStream[];
}

export interface Colour {
  readonly primaries: string | undefined;
  readonly transfer: string | undefined;
  readonly matrix: string | undefined;
  readonly range: string | undefined;
}

export interface VideoStream {
  readonly index: number;
  readonly codec: string;
  readonly profile: string | undefined;
  /** As coded, before rotation. */
  readonly width: number;
  readonly height: number;
  /** Clockwise degrees by which players turn the picture. */
  readonly rotation: 0 | 90 | 180 | 270;
  readonly sampleAspectRatio: Rational;
  /** In square pixels, after rotation. */
  readonly displayWidth: number;
  readonly displayHeight: number;
  readonly pixelFormat: string;
  readonly bitDepth: number;
  readonly colour: Colour;
  readonly dynamicRange: "sdr" | "hdr10" | "hlg";
  readonly isInterlaced: boolean;
  /** What the encodings run at: the source's own rate where it is constant, otherwise one chosen from its average. */
  readonly frameRate: Rational;
  readonly isConstantFrameRate: boolean;
  /** Frames of the whole film at `frameRate`. */
  readonly frameCount: number;
  readonly durationSeconds: number;
  /** When the first frame is shown, on the file's clock. */
  readonly startSeconds: number;
  /** Where decoding can start: frames at `frameRate`, and their exact time on the file's clock. At most one a second. */
  readonly keyframes: readonly { readonly frame: number; readonly seconds: number }[];
}

export interface AudioStream {
  readonly index: number;
  readonly codec: string;
  readonly channels: number;
  readonly sampleRate: number;
  /** BCP 47; `und` where the file does not say. */
  readonly language: string;
  readonly title: string | undefined;
  readonly isDefault: boolean;
  /** Describes the picture for people who cannot see it. */
  readonly isDescription: boolean;
  readonly startSeconds: number;
  readonly durationSeconds: number;
}

export interface TextStream {
  readonly index: number;
  readonly codec: string;
  /** BCP 47; `und` where the file does not say. */
  readonly language: string;
  readonly title: string | undefined;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  readonly isHearingImpaired: boolean;
  /** False for pictures of text, which cannot become WebVTT. */
  readonly isText: boolean;
}

/** Codecs whose subtitles are pictures. */
const BITMAP_CODECS = new Set(["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub", "dvb_teletext"]);
const MIN_FRAMES = 2;
/** What RFC 5646, section 4.4.1, asks everybody to have room for. */
const MAX_LANGUAGE_CHARS = 35;
const MAX_TITLE_CHARS = 200;

export interface ProbeOptions extends ToolOptions {
  readonly limits?: MediaLimits;
}

/**
 * Throws `MEDIA_EMPTY_FILE`, `MEDIA_NOT_RECOGNISED`, `MEDIA_TRUNCATED`, `MEDIA_NO_VIDEO`, `MEDIA_TOO_SHORT`,
 * `MEDIA_TOO_LONG`, `MEDIA_TOO_MANY_STREAMS`, `MEDIA_DESCRIPTION_TOO_LARGE`, `MEDIA_PICTURE_TOO_LARGE`,
 * `MEDIA_PIXEL_ASPECT` and `MEDIA_BEYOND_CONTENT`, which are the file's fault, and what `runTool` throws.
 */
export async function probe(
  path: string,
  { limits = DEFAULT_LIMITS, ...options }: ProbeOptions = {},
): Promise<MediaInfo> {
  const { size } = await stat(path);
  if (size === 0) throw errors.MEDIA_EMPTY_FILE();
  await checkContainer(path, size);
  const raw = await readStreams(path, limits, options);
  const videoStream = raw.streams.find((stream) => stream.codec_type === "video" && !isStillImage(stream));
  if (videoStream === undefined || !videoStream.width || !videoStream.height) throw errors.MEDIA_NO_VIDEO();
  checkPicture(videoStream, limits);
  const scan = await scanPackets(path, raw, { video: videoStream, sizeBytes: size }, options);
  checkWhole(raw, scan);
  checkLength(scan.playsUntilSeconds - raw.startSeconds, limits);
  const timing = await timeFrames(scan.video, {
    declared: [videoStream.r_frame_rate, videoStream.avg_frame_rate].flatMap(toRate),
    timeBase: parseRational(videoStream.time_base ?? "") ?? rational(1, 1000),
    isInterlaced: isInterlaced(videoStream),
  });
  if (timing.frameCount < MIN_FRAMES) throw errors.MEDIA_TOO_SHORT(timing.frameCount);
  checkLength(timing.durationSeconds, limits);
  checkFrames(timing.frameCount, scan.video.ticks.length, limits);
  return {
    container: raw.container,
    sizeBytes: size,
    durationSeconds: Math.max(scan.playsUntilSeconds - raw.startSeconds, timing.durationSeconds),
    startSeconds: raw.startSeconds,
    title: toTitle(raw.title),
    video: toVideo(videoStream, timing),
    audio: raw.streams
      .filter((stream) => stream.codec_type === "audio" && stream.channels)
      .map((stream) => toAudio(stream, scan)),
    text: raw.streams.filter((stream) => stream.codec_type === "subtitle").map(toText),
  };
}

/** Compares what the file declares with what could be read of it. */
function checkWhole(raw: RawMedia, scan: PacketScan): void {
  // Matroska declares when the last stream ends, others how long it all lasts.
  const readSeconds = scan.endSeconds - Math.min(0, raw.startSeconds);
  // Rounding and the last picture's length lose a second at most.
  if (raw.durationSeconds - readSeconds > Math.max(1, raw.durationSeconds * 0.02)) {
    throw errors.MEDIA_TRUNCATED(
      `it declares ${raw.durationSeconds.toFixed(1)} s and holds ${readSeconds.toFixed(1)} s.`,
    );
  }
}

/** A picture's size and shape are claims that every later step allocates by. */
function checkPicture(stream: RawStream, limits: MediaLimits): void {
  const { num, den } = aspectOf(stream);
  if (num > den * MAX_PIXEL_ASPECT || den > num * MAX_PIXEL_ASPECT) {
    throw errors.MEDIA_PIXEL_ASPECT(`${num}:${den}`, MAX_PIXEL_ASPECT);
  }
  for (const { width, height } of [{ width: stream.width ?? 0, height: stream.height ?? 0 }, squared(stream)]) {
    const { pictureSide } = limits;
    if (width > pictureSide || height > pictureSide) {
      throw errors.MEDIA_PICTURE_TOO_LARGE(width, height, `${pictureSide} pixels a side`);
    }
    if (width * height > MAX_PIXELS) throw errors.MEDIA_PICTURE_TOO_LARGE(width, height, `${MAX_PIXELS} pixels in all`);
  }
}

function checkLength(seconds: number, { durationSeconds }: MediaLimits): void {
  if (!(seconds <= durationSeconds)) throw errors.MEDIA_TOO_LONG(seconds, durationSeconds);
}

/** Pictures that stand for long are repeated, and each repetition costs as much as a picture. */
function checkFrames(frames: number, pictures: number, { framesPerPicture }: MediaLimits): void {
  if (frames <= FRAMES_WITHOUT_QUESTION || frames <= pictures * framesPerPicture) return;
  throw errors.MEDIA_BEYOND_CONTENT(`${pictures} pictures are to become ${frames} frames.`);
}

function aspectOf(stream: RawStream): Rational {
  const declared = parseRational(stream.sample_aspect_ratio ?? "");
  return declared === undefined || declared.num <= 0 ? rational(1) : declared;
}

/** Squares the pixels by widening or heightening, never by throwing lines away. */
function squared(stream: RawStream): { readonly width: number; readonly height: number } {
  const [width, height, aspect] = [stream.width ?? 0, stream.height ?? 0, aspectOf(stream)];
  return {
    width: aspect.num >= aspect.den ? Math.round((width * aspect.num) / aspect.den) : width,
    height: aspect.num < aspect.den ? Math.round((height * aspect.den) / aspect.num) : height,
  };
}

function toVideo(stream: RawStream, timing: FrameTiming): VideoStream {
  const width = stream.width ?? 0;
  const height = stream.height ?? 0;
  const rotation = toRotation(stream);
  const { width: wide, height: high } = squared(stream);
  const turned = rotation === 90 || rotation === 270;
  const transfer = known(stream.color_transfer);
  return {
    index: stream.index,
    codec: stream.codec_name ?? "unknown",
    profile: known(stream.profile),
    width,
    height,
    rotation,
    sampleAspectRatio: aspectOf(stream),
    displayWidth: turned ? high : wide,
    displayHeight: turned ? wide : high,
    pixelFormat: stream.pix_fmt ?? "unknown",
    bitDepth: bitDepthOf(stream),
    colour: {
      primaries: known(stream.color_primaries),
      transfer,
      matrix: known(stream.color_space),
      range: known(stream.color_range),
    },
    dynamicRange: transfer === "smpte2084" ? "hdr10" : transfer === "arib-std-b67" ? "hlg" : "sdr",
    isInterlaced: isInterlaced(stream),
    ...timing,
  };
}

function toAudio(stream: RawStream, scan: PacketScan): AudioStream {
  const { startSeconds, endSeconds } = scan.span(stream.index);
  return {
    index: stream.index,
    codec: stream.codec_name ?? "unknown",
    channels: stream.channels ?? 0,
    sampleRate: Number(stream.sample_rate ?? 0),
    language: toLanguage(stream.tags?.language),
    title: toTitle(stream.tags?.title),
    isDefault: stream.disposition?.default === 1,
    isDescription: stream.disposition?.visual_impaired === 1 || stream.disposition?.descriptions === 1,
    startSeconds,
    durationSeconds: Math.max(0, endSeconds - startSeconds),
  };
}

function toText(stream: RawStream): TextStream {
  return {
    index: stream.index,
    codec: stream.codec_name ?? "unknown",
    language: toLanguage(stream.tags?.language),
    title: toTitle(stream.tags?.title),
    isDefault: stream.disposition?.default === 1,
    isForced: stream.disposition?.forced === 1,
    isHearingImpaired: stream.disposition?.hearing_impaired === 1 || stream.disposition?.captions === 1,
    isText: stream.codec_name !== undefined && !BITMAP_CODECS.has(stream.codec_name),
  };
}

/** Cover art is a video stream of one picture. */
function isStillImage(stream: RawStream): boolean {
  return stream.disposition?.attached_pic === 1 || stream.disposition?.still_image === 1;
}

function isInterlaced(stream: RawStream): boolean {
  return ["tt", "bb", "tb", "bt"].includes(stream.field_order ?? "");
}

function toRotation(stream: RawStream): 0 | 90 | 180 | 270 {
  const matrix = stream.side_data_list?.find((data) => data.rotation !== undefined);
  const counterClockwise = Number(matrix?.rotation ?? -Number(stream.tags?.rotate ?? 0));
  const clockwise = (((Math.round(-counterClockwise / 90) * 90) % 360) + 360) % 360;
  return clockwise === 90 || clockwise === 180 || clockwise === 270 ? clockwise : 0;
}

function bitDepthOf(stream: RawStream): number {
  const declared = Number(stream.bits_per_raw_sample);
  if (declared > 0) return declared;
  return Number(/p(9|10|12|14|16)(?:le|be)?$/.exec(stream.pix_fmt ?? "")?.[1] ?? 8);
}

function toRate(text: string | undefined): Rational[] {
  const rate = parseRational(text ?? "");
  return rate === undefined || rate.num <= 0 ? [] : [rate];
}

/** `eng` and `ger` become `en` and `de`. */
function toLanguage(tag: string | undefined): string {
  if (tag === undefined || tag === "" || tag.length > MAX_LANGUAGE_CHARS) return "und";
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0] ?? "und";
  } catch {
    return "und";
  }
}

function toTitle(title: string | undefined): string | undefined {
  return title === undefined ? undefined : [...title.slice(0, 2 * MAX_TITLE_CHARS)].slice(0, MAX_TITLE_CHARS).join("");
}

function known(value: string | undefined): string | undefined {
  return value === undefined || value === "unknown" || value === "reserved" ? undefined : value;
}
