/** Whether a file is a container that may be opened at all, and ffprobe's description of its streams. */

import { open } from "node:fs/promises";
import { isAppError } from "#pkg/errors/errors";
import { mediaNotRecognised, mediaToolFailed, mediaTruncated } from "./errors.ts";
import { inputArgs, runTool, type ToolOptions } from "./ffmpeg.ts";
import { parseRawMedia, type RawMedia } from "./probe-raw.ts";

/** Box types with which an ISO base media file (ISO/IEC 14496-12) may begin. */
const FIRST_BOXES = new Set(["ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp"]);
const MAX_BOXES = 100_000;
const EBML = 0x1a45dfa3;

/** Throws `MEDIA_TRUNCATED` for an MP4 or QuickTime file whose boxes end before their length, or without an index. */
export async function checkContainer(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, "r");
  try {
    const header = Buffer.alloc(16);
    let types = "";
    let at = 0;
    for (let count = 0; at < sizeBytes && count < MAX_BOXES; count++) {
      const { bytesRead } = await file.read(header, 0, 16, at);
      const type = header.toString("latin1", 4, 8);
      if (at === 0 && (bytesRead < 8 || !FIRST_BOXES.has(type))) return;
      if (bytesRead < 8) break;
      const short = header.readUInt32BE(0);
      const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? sizeBytes - at : short;
      // Trailing bytes that are no box are common and harmless once the index was seen.
      if (length < 8 || !/^[\x20-\x7e\xa9]{4}$/.test(type)) break;
      if (at + length > sizeBytes && type !== "free" && type !== "skip") {
        throw mediaTruncated(`its "${type}" box ends ${at + length - sizeBytes} bytes after the file does.`);
      }
      types += type;
      at += length;
    }
    if (!types.includes("moov")) throw mediaTruncated("its index (the moov box) is missing.");
  } finally {
    await file.close();
  }
}

/** Throws `MEDIA_NOT_RECOGNISED` where no allowed demuxer opens the file. */
export async function readStreams(path: string, options: ToolOptions): Promise<RawMedia> {
  const args = ["-v", "error", "-show_format", "-show_streams", "-of", "json", ...inputArgs(path)];
  try {
    const { stdout } = await runTool({ ...options, tool: "ffprobe", args });
    return parseRawMedia(stdout);
  } catch (error) {
    if (!isAppError(error, mediaToolFailed("", "", "").reason)) throw error;
    if (await startsWithEbml(path)) throw mediaTruncated("its header is not complete.");
    throw mediaNotRecognised(error);
  }
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
