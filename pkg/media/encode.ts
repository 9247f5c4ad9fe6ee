/** The command lines that encode: pure functions from a job to ffmpeg's arguments. */

import type { Chunk, ChunkPlan } from "./chunks.ts";
import { inputArgs } from "./ffmpeg.ts";
import type { Rung } from "./ladder.ts";
import type { AudioStream, MediaInfo } from "./probe.ts";
import { formatRational, frameToSeconds, type Rational } from "./rational.ts";

export type X264Preset = "ultrafast" | "superfast" | "veryfast" | "faster" | "fast" | "medium" | "slow";

/** What an encoder has to know of a rung. */
export type EncodedRung = Omit<Rung, "name" | "codecs">;

/** One chunk in any subset of the ladder. */
export interface ChunkJob {
  readonly source: string;
  readonly info: MediaInfo;
  readonly plan: ChunkPlan;
  readonly chunk: Chunk;
  readonly outputs: readonly { readonly rung: EncodedRung; readonly path: string }[];
  /** `veryfast` by default. */
  readonly preset?: X264Preset;
  /** `fast` decodes and scales with shortcuts that a small picture does not show; for the first playable rendition. */
  readonly decoding?: "exact" | "fast";
  /** Per encoder and for the decoder; 1 by default, as chunks run side by side. */
  readonly threads?: number;
  /** Whether this FFmpeg has zscale, which HDR needs to become SDR. */
  readonly hasZscale?: boolean;
}

const DEFAULT_PRESET: X264Preset = "veryfast";
/** How far before a chunk of a film without a constant rate decoding starts, so that its first picture is known. */
const TIMED_LEAD_SECONDS = 1;
/** MP4 track time scales are a multiple of the rate's numerator of at least this, so that every frame is exact. */
const MIN_TIMESCALE = 10_000;
/** Pictures of which a poster is the most typical. */
const POSTER_CHOICES = 3;
const AUDIO_RATE = 48_000;
const AUDIO_BITRATE = 128_000;
/** Samples per second by which sound may be stretched to follow its time stamps: a thousandth, which nobody hears. */
const MAX_STRETCH = 48;
/** High-definition films that do not name their matrix are BT.709, others BT.601. */
const HD_HEIGHT = 720;

/**
 * Decodes the chunk once, scales it in a cascade from rung to rung, and encodes each with its own x264. Every encoding
 * has exactly the chunk's frames, at exact times, in closed GOPs at the same places.
 */
export function chunkArgs(job: ChunkJob): string[] {
  const { plan, chunk } = job;
  const threads = String(job.threads ?? 1);
  const outputs = [...job.outputs].sort((a, b) => b.rung.width * b.rung.height - a.rung.width * a.rung.height);
  return [
    ...["-v", "error", "-filter_complex_threads", threads],
    ...["-threads", threads, ...decoderArgs(job.decoding ?? "exact"), ...seekArgs(job)],
    ...inputArgs(job.source),
    ...["-filter_complex", chunkFilter(job, outputs)],
    ...outputs.flatMap(({ rung, path }, i) => [
      ...["-map", `[v${i}]`, "-frames:v", String(chunk.frameCount), "-fps_mode", "passthrough"],
      ...["-c:v", "libx264", "-preset", job.preset ?? DEFAULT_PRESET, "-threads", threads],
      ...["-profile:v", rung.profile, "-level:v", rung.level],
      ...["-crf", String(rung.crf), "-maxrate", String(rung.maxBitrate), "-bufsize", String(rung.bufferBits)],
      ...gopArgs(plan, chunk),
      // The same headers in every chunk, so that the first chunk's hold for all once they are joined.
      ...["-x264-params", "stitchable=1"],
      ...["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"],
      ...["-map_metadata", "-1", "-map_chapters", "-1", "-bitexact"],
      ...["-video_track_timescale", String(timescale(plan.frameRate)), "-f", "mp4", `file:${path}`],
    ]),
  ];
}

/** Joins the chunks named in an ffconcat file of our own making; no frame is touched. */
export function stitchArgs(job: {
  readonly list: string;
  readonly frameRate: Rational;
  readonly output: string;
}): string[] {
  return [
    ...["-v", "error", "-xerror", "-f", "concat", "-safe", "0"],
    ...inputArgs(job.list, ["concat", "mov"]),
    ...["-map", "0:v:0", "-c", "copy", "-bitexact", "-video_track_timescale", String(timescale(job.frameRate))],
    ...["-f", "mp4", `file:${job.output}`],
  ];
}

/** The ffconcat file: each chunk by its path from there, with its exact length, so that no rounding adds up over a film. */
export function stitchList(plan: ChunkPlan, names: readonly string[]): string {
  const microseconds = (frame: number) => Math.round(frameToSeconds(frame, plan.frameRate) * 1e6);
  const lines = plan.chunks.map((chunk, i) => {
    const length = microseconds(chunk.firstFrame + chunk.frameCount) - microseconds(chunk.firstFrame);
    const name = (names[i] ?? "").replaceAll("'", "'\\''");
    return `file '${name}'\nduration ${length}us\n`;
  });
  return `ffconcat version 1.0\n${lines.join("")}`;
}

export interface AudioJob {
  readonly source: string;
  readonly info: MediaInfo;
  readonly stream: AudioStream;
  readonly output: string;
  /** Bits per second; 128,000 by default. */
  readonly bitrate?: number;
}

/**
 * The whole audio stream as AAC-LC, 48 kHz, stereo. It starts where the first frame is shown and lasts as long as the
 * video: silence is added and sound cut at both ends, and gaps are filled. Where the recorder's sample clock was off, it
 * is kept within 10 ms of its time stamps, so it cannot drift over a film.
 */
export function audioArgs(job: AudioJob): string[] {
  const { info, stream } = job;
  const offset = info.video.startSeconds - info.startSeconds;
  const samples = Math.round(info.video.durationSeconds * AUDIO_RATE);
  const filter = [
    `asetpts=PTS-${seconds(offset)}/TB`,
    // flags=res: switching the resampler on in mid-stream, which 48 kHz input needs, starts FFmpeg's clock anew.
    `aresample=${AUDIO_RATE}:async=${MAX_STRETCH}:min_comp=0.01:min_hard_comp=0.03:flags=res:first_pts=0`,
    "aformat=sample_fmts=fltp:channel_layouts=stereo",
    "apad",
    `atrim=end_sample=${samples}`,
  ];
  return [
    ...["-v", "error", "-vn", "-sn", "-dn"],
    ...inputArgs(job.source),
    ...["-map", `0:${stream.index}`, "-af", filter.join(",")],
    ...["-c:a", "aac", "-b:a", String(job.bitrate ?? AUDIO_BITRATE)],
    ...["-map_metadata", "-1", "-map_chapters", "-1", "-bitexact"],
    ...["-f", "mp4", `file:${job.output}`],
  ];
}

/**
 * A picture for a poster: the most typical of a few pictures from `seconds` on. Only pictures that stand by themselves
 * are decoded, so that it costs next to nothing; the first is the one before `seconds`, so that there is always one.
 */
export function posterArgs(job: {
  readonly source: string;
  readonly info: MediaInfo;
  readonly seconds: number;
  readonly width: number;
  readonly output: string;
  readonly hasZscale?: boolean;
}): string[] {
  const { video } = job.info;
  const width = Math.max(2, Math.floor(Math.min(job.width, video.displayWidth) / 2) * 2);
  const height = Math.max(2, Math.round((width * video.displayHeight) / video.displayWidth / 2) * 2);
  const at = video.startSeconds - job.info.startSeconds + job.seconds;
  // JPEG is full-range BT.601 (JFIF).
  const filter = [
    `thumbnail=${POSTER_CHOICES}`,
    ...pictureFilters(job, { width, height }),
    "scale=in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc",
    "format=yuvj420p",
  ];
  return [
    ...["-v", "error", "-threads", "1", "-an", "-sn", "-dn"],
    ...["-skip_frame", "nokey", "-noaccurate_seek", "-ss", seconds(at)],
    ...inputArgs(job.source),
    // The picture before `seconds` has a negative time, and must not be dropped for that.
    ...["-map", `0:${video.index}`, "-vf", filter.join(","), "-frames:v", "1", "-fps_mode", "passthrough"],
    ...jpegOutput(job.output),
  ];
}

/** Of WebP: about as true as the JPEG pictures, at two thirds of their size. More effort saves little and costs much. */
const WEBP = { quality: 80, effort: 2 };

/** The same JPEG picture in other widths and formats, its height following, in one go. */
export function resizeArgs(job: {
  readonly source: string;
  readonly sizes: readonly { readonly width: number; readonly output: string }[];
}): string[] {
  return [
    ...["-v", "error", "-threads", "1"],
    ...inputArgs(job.source, ["image2", "jpeg_pipe"]),
    ...job.sizes.flatMap(({ width, output }) => [
      ...["-map", "0:v:0", "-vf", `scale=${width}:-2:flags=lanczos`, "-frames:v", "1"],
      ...(output.endsWith(".webp") ? webpOutput(output) : jpegOutput(output)),
    ]),
  ];
}

function jpegOutput(path: string): string[] {
  return [
    ...["-c:v", "mjpeg", "-q:v", "3", "-map_metadata", "-1", "-bitexact"],
    ...["-f", "image2", "-update", "1", `file:${path}`],
  ];
}

function webpOutput(path: string): string[] {
  const { quality, effort } = WEBP;
  return [
    ...["-c:v", "libwebp", "-quality", String(quality), "-compression_level", String(effort)],
    ...["-map_metadata", "-1", "-bitexact", "-f", "webp", `file:${path}`],
  ];
}

/** Smallest multiple of the rate's numerator that is fine enough: 24000 for 24000/1001, 10000 for 25. */
export function timescale(frameRate: Rational): number {
  return frameRate.num * Math.max(1, Math.ceil(MIN_TIMESCALE / frameRate.num));
}

function decoderArgs(decoding: "exact" | "fast"): string[] {
  return decoding === "fast" ? ["-skip_loop_filter", "all", "-flags2", "+fast"] : [];
}

function seekArgs({ plan, chunk }: ChunkJob): string[] {
  const quiet = ["-an", "-sn", "-dn"];
  if (plan.timing === "counted") return chunk.seekSeconds > 0 ? ["-ss", seconds(chunk.seekSeconds), ...quiet] : quiet;
  const lead = Math.max(0, chunk.seekSeconds - TIMED_LEAD_SECONDS);
  return ["-copyts", ...(lead > 0 ? ["-ss", seconds(lead)] : []), ...quiet];
}

function chunkFilter(job: ChunkJob, outputs: ChunkJob["outputs"]): string {
  const { plan, chunk, info } = job;
  const rate = formatRational(plan.frameRate);
  const frameSeconds = formatRational({ num: plan.frameRate.den, den: plan.frameRate.num });
  const top = outputs[0]?.rung;
  if (top === undefined) return "";
  const isLast = chunk.firstFrame + chunk.frameCount === plan.frameCount;
  const start = info.video.startSeconds + frameToSeconds(chunk.firstFrame, plan.frameRate);
  const head = [
    ...(plan.timing === "timed" ? [`fps=${rate}:start_time=${start.toFixed(9)}:round=near`] : []),
    ...(info.video.isInterlaced ? ["bwdif=mode=send_frame"] : []),
    // Counting in a time base of one frame is the only way to be exact whatever the container's clock.
    `settb=${frameSeconds},setpts=N`,
    // Tells the encoder the rate; every frame is in its place already.
    `fps=${rate}`,
    // A last frame that cannot be decoded stands still instead of missing.
    ...(isLast ? [`tpad=stop_mode=clone:stop=${plan.gopFrames}`] : []),
    ...pictureFilters(job, top),
  ];
  const parts: string[] = [];
  let chain = `[0:${info.video.index}]${head.join(",")}`;
  outputs.forEach((_output, i) => {
    const next = outputs[i + 1]?.rung;
    if (next === undefined) {
      parts.push(`${chain}[v${i}]`);
    } else {
      parts.push(`${chain},split=2[v${i}][s${i}]`);
      chain = `[s${i}]scale=${next.width}:${next.height}:flags=${scaler(job)},setsar=1`;
    }
  });
  return parts.join(";");
}

/** Scales to the size, with square pixels, in 8-bit 4:2:0 of standard dynamic range. */
function pictureFilters(
  job: Pick<ChunkJob, "info" | "decoding" | "hasZscale">,
  size: { readonly width: number; readonly height: number },
): string[] {
  const { video } = job.info;
  const scale = `scale=${size.width}:${size.height}:flags=${scaler(job)}`;
  if (video.dynamicRange !== "sdr" && job.hasZscale === true) {
    const transfer = video.dynamicRange === "hlg" ? "arib-std-b67" : "smpte2084";
    return [
      // Smaller first: tone mapping costs per pixel.
      scale,
      `zscale=tin=${transfer}:min=2020_ncl:pin=2020:t=linear:npl=100,format=gbrpf32le`,
      "zscale=p=709,tonemap=tonemap=hable:desat=0",
      "zscale=t=709:m=709:r=limited,format=yuv420p,setsar=1",
    ];
  }
  const matrix = video.colour.matrix ?? (video.height >= HD_HEIGHT ? "bt709" : "bt601");
  const isFull = video.colour.range === "pc" || video.pixelFormat.startsWith("yuvj");
  const from = SWS_MATRIX[matrix] ?? "bt709";
  const isRgb = /^(rgb|bgr|gbr|argb|abgr|pal8)/.test(video.pixelFormat);
  const convert = isRgb
    ? ":out_color_matrix=bt709:out_range=tv"
    : `${from === "bt709" ? "" : `:in_color_matrix=${from}:out_color_matrix=bt709`}${isFull ? ":in_range=pc:out_range=tv" : ""}`;
  return [scale + convert, "format=yuv420p", "setsar=1"];
}

/** Averaging an area is the cheapest way that does not flicker. */
function scaler(job: Pick<ChunkJob, "decoding">): "bicubic" | "area" {
  return job.decoding === "fast" ? "area" : "bicubic";
}

/** ffprobe's names of matrices to swscale's. */
const SWS_MATRIX: Readonly<Record<string, string>> = {
  bt709: "bt709",
  bt601: "bt601",
  smpte170m: "bt601",
  bt470bg: "bt601",
  fcc: "fcc",
  smpte240m: "smpte240m",
  bt2020nc: "bt2020",
  bt2020c: "bt2020",
};

function gopArgs(plan: ChunkPlan, chunk: Chunk): string[] {
  const fixed = ["-sc_threshold", "0", "-flags", "+cgop"];
  if (chunk.keyframes === undefined) {
    return ["-g", String(plan.gopFrames), "-keyint_min", String(plan.gopFrames), ...fixed];
  }
  // By number, not by time: times would be rounded, and n counts the chunk's own frames.
  const expression = chunk.keyframes.map((frame) => `eq(n,${frame})`).join("+");
  const never = String(chunk.frameCount + 1);
  return ["-g", never, "-keyint_min", "1", ...fixed, "-forced-idr", "1", "-force_key_frames", `expr:${expression}`];
}

/** Microseconds are what ffmpeg reads. */
function seconds(value: number): string {
  return value.toFixed(6);
}
