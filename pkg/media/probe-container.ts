/** Whether a file is a container that may be opened at all, and ffprobe's description of its streams. */

import { type FileHandle, open } from "node:fs/promises";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";
import { inputArgs, runTool, type ToolOptions } from "./ffmpeg.ts";
import type { MediaLimits } from "./limits.ts";
import { parseRawMedia, type RawMedia } from "./probe-raw.ts";

/** Box types with which an ISO base media file (ISO/IEC 14496-12) may begin. */
const FIRST_BOXES = new Set(["ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp"]);
/** An index that comes after more boxes than this is none that a camera or a muxer wrote. */
const MAX_BOXES = 20_000;
/** FFmpeg gives up on a file of more. */
const MAX_DEMUXED_STREAMS = 1_000;
const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;

/**
 * Throws `MEDIA_TRUNCATED` for an MP4 or QuickTime file whose boxes end after the file does, or without an index, and
 * for a Matroska file whose segment ends after the file does.
 */
export async function checkContainer(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, "r");
  try {
    const header = Buffer.alloc(16);
    let types = "";
    let at = 0;
    for (let count = 0; at < sizeBytes && count < MAX_BOXES; count++) {
      const { bytesRead } = await file.read(header, 0, 16, at);
      const type = header.toString("latin1", 4, 8);
      if (at === 0 && bytesRead >= 4 && header.readUInt32BE(0) === EBML) return await checkSegment(file, sizeBytes);
      if (at === 0 && (bytesRead < 8 || !FIRST_BOXES.has(type))) return;
      if (bytesRead < 8) break;
      const short = header.readUInt32BE(0);
      const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? sizeBytes - at : short;
      // Trailing bytes that are no box are common and harmless once the index was seen.
      if (length < 8 || !/^[\x20-\x7e\xa9]{4}$/.test(type)) break;
      if (at + length > sizeBytes && type !== "free" && type !== "skip") {
        throw errors.MEDIA_TRUNCATED(`its "${type}" box ends ${at + length - sizeBytes} bytes after the file does.`);
      }
      types += type;
      at += length;
    }
    if (!types.includes("moov")) throw errors.MEDIA_TRUNCATED("its index (the moov box) is missing.");
  } finally {
    await file.close();
  }
}

/** Looks for the segment among the elements at the top (RFC 8794 sections 4 to 6, RFC 9559 section 4.5). */
async function checkSegment(file: FileHandle, sizeBytes: number): Promise<void> {
  const header = Buffer.alloc(12);
  for (let at = 0, count = 0; at < sizeBytes && count < MAX_BOXES; count++) {
    const { bytesRead } = await file.read(header, 0, header.length, at);
    const idLength = Math.clz32(header[0] ?? 0) - 23;
    const sizeLength = Math.clz32(header[idLength] ?? 0) - 23;
    // A damaged element is left to the demuxer's judgement.
    if (idLength > 4 || sizeLength > 8 || bytesRead < idLength + sizeLength) return;
    const marked = header.readUIntBE(idLength, Math.min(sizeLength, 6));
    const rest = sizeLength > 6 ? header.readUIntBE(idLength + 6, sizeLength - 6) : 0;
    const raw = BigInt(marked) * 256n ** BigInt(Math.max(0, sizeLength - 6)) + BigInt(rest);
    const marker = 1n << BigInt(7 * sizeLength);
    // All ones: not known, as in a live recording.
    if (raw === 2n * marker - 1n) return;
    const end = at + idLength + sizeLength + Number(raw - marker);
    const isSegment = idLength === 4 && header.readUInt32BE(0) === SEGMENT;
    if (isSegment && end > sizeBytes)
      throw errors.MEDIA_TRUNCATED(`its segment ends ${end - sizeBytes} bytes after the file does.`);
    if (isSegment) return;
    at = end;
  }
}

/** What is read of ffprobe's description: no tag that nobody asks for takes room in it. */
const DESCRIPTION = [
  "format=format_name,duration,start_time",
  "format_tags=title",
  `stream=${[
    ...["index", "codec_type", "codec_name", "profile", "width", "height", "sample_aspect_ratio", "pix_fmt"],
    ...["field_order", "bits_per_raw_sample", "color_primaries", "color_transfer", "color_space", "color_range"],
    ...["r_frame_rate", "avg_frame_rate", "time_base", "sample_rate", "channels"],
  ].join(",")}`,
  "stream_disposition=default,forced,hearing_impaired,visual_impaired,captions,descriptions,attached_pic,still_image",
  "stream_tags=language,title,rotate",
  "stream_side_data=rotation",
].join(":");

/**
 * Throws `MEDIA_NOT_RECOGNISED` where no allowed demuxer opens the file, `MEDIA_TOO_MANY_STREAMS` and
 * `MEDIA_DESCRIPTION_TOO_LARGE`.
 */
export async function readStreams(path: string, limits: MediaLimits, options: ToolOptions): Promise<RawMedia> {
  const args = ["-v", "error", "-show_entries", DESCRIPTION, "-of", "json=compact=1", ...inputArgs(path)];
  const raw = await runTool({ ...options, tool: "ffprobe", args, maxStdoutBytes: limits.descriptionBytes }).then(
    ({ stdout }) => parseRawMedia(stdout),
    async (error: unknown) => {
      if (isAppError(error, "MEDIA_OUTPUT_TOO_LARGE"))
        throw errors.MEDIA_DESCRIPTION_TOO_LARGE(limits.descriptionBytes);
      if (!isAppError(error, "MEDIA_TOOL_FAILED")) throw error;
      if (/max_streams/.test(error.metadata.log ?? ""))
        throw errors.MEDIA_TOO_MANY_STREAMS(undefined, undefined, MAX_DEMUXED_STREAMS);
      if (await startsWithEbml(path)) throw errors.MEDIA_TRUNCATED("its header is not complete.");
      throw errors.MEDIA_NOT_RECOGNISED(error);
    },
  );
  const kinds = { video: limits.videoStreams, audio: limits.audioStreams, subtitle: limits.textStreams };
  for (const [kind, limit] of Object.entries(kinds)) {
    const found = raw.streams.filter((stream) => stream.codec_type === kind).length;
    if (found > limit) throw errors.MEDIA_TOO_MANY_STREAMS(kind, found, limit);
  }
  const others = raw.streams.filter(({ codec_type }) => codec_type === undefined || !(codec_type in kinds)).length;
  if (others > limits.otherStreams) throw errors.MEDIA_TOO_MANY_STREAMS("other", others, limits.otherStreams);
  return raw;
}

async function startsWithEbml(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const header = Buffer.alloc(4);
    const { bytesRead } = await file.read(header, 0, 4, 0);
    return bytesRead === 4 && header.readUInt32BE(0) === EBML;
  } finally {
    await file.close();
  }
}
