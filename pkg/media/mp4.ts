/** Reads the index of MP4 files of our own making (ISO/IEC 14496-12), which starting ffprobe for would cost more. */

import { type FileHandle, open } from "node:fs/promises";
import { errors } from "./errors.ts";

export interface Mp4Track {
  /** Such as `vide` and `soun`. */
  readonly handler: string;
  readonly samples: number;
  /** Of all samples, without edits. */
  readonly seconds: number;
}

/** A sample table of a day at 60 frames a second stays below. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;

/**
 * The tracks of a whole file. Throws `MEDIA_OUTPUT_DAMAGED` where its boxes do not fill it exactly, its index is missing,
 * or there are fewer bytes of media than the index names.
 */
export async function readTracks(path: string): Promise<readonly Mp4Track[]> {
  const file = await open(path, "r");
  try {
    const { index, mediaBytes } = await readBoxes(file, path);
    const tracks: Mp4Track[] = [];
    let named = 0;
    for (const track of children(index, "trak")) {
      const media = child(track, "mdia");
      const header = media && child(media, "mdhd");
      const table = media && child(media, "minf", "stbl");
      const sizes = table && child(table, "stsz");
      const times = table && child(table, "stts");
      if (media === undefined || header === undefined || sizes === undefined || times === undefined) {
        throw errors.MEDIA_OUTPUT_DAMAGED(path, "a track has no table of samples");
      }
      // hdlr: version and flags, pre_defined, then the handler's type.
      const handler = child(media, "hdlr")?.toString("latin1", 8, 12) ?? "";
      // mdhd: version and flags, then creation and modification time, of 8 bytes each in version 1.
      const timescale = header.readUInt32BE(header[0] === 1 ? 20 : 12);
      // stsz: version and flags, sample_size, sample_count, then each size where sample_size is 0.
      const uniform = sizes.readUInt32BE(4);
      const samples = sizes.readUInt32BE(8);
      for (let i = 0; i < samples; i++) named += uniform === 0 ? sizes.readUInt32BE(12 + 4 * i) : uniform;
      // stts: version and flags, entry_count, then pairs of count and length.
      let ticks = 0;
      for (let i = 0; i < times.readUInt32BE(4); i++) {
        ticks += times.readUInt32BE(8 + 8 * i) * times.readUInt32BE(12 + 8 * i);
      }
      tracks.push({ handler, samples, seconds: ticks / timescale });
    }
    if (named > mediaBytes)
      throw errors.MEDIA_OUTPUT_DAMAGED(path, `${named} bytes are named and ${mediaBytes} are there`);
    return tracks;
  } catch (error) {
    // A table that ends before it should.
    if (error instanceof RangeError) throw errors.MEDIA_OUTPUT_DAMAGED(path, "its index is cut short");
    throw error;
  } finally {
    await file.close();
  }
}

/** The video track's samples; 0 where there is none. Throws as `readTracks` does. */
export async function countVideoSamples(path: string): Promise<number> {
  const tracks = await readTracks(path);
  return tracks.find(({ handler }) => handler === "vide")?.samples ?? 0;
}

async function readBoxes(file: FileHandle, path: string): Promise<{ index: Buffer; mediaBytes: number }> {
  const { size } = await file.stat();
  const header = Buffer.alloc(16);
  let index: Buffer | undefined;
  let mediaBytes = 0;
  let at = 0;
  while (at + 8 <= size) {
    await file.read(header, 0, 16, at);
    const short = header.readUInt32BE(0);
    const headerBytes = short === 1 ? 16 : 8;
    const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? size - at : short;
    if (length < headerBytes || at + length > size) break;
    const type = header.toString("latin1", 4, 8);
    if (type === "mdat") mediaBytes += length - headerBytes;
    if (type === "moov") {
      if (length > MAX_INDEX_BYTES) throw errors.MEDIA_OUTPUT_DAMAGED(path, `its index has ${length} bytes`);
      index = Buffer.alloc(length - headerBytes);
      await file.read(index, 0, index.length, at + headerBytes);
    }
    at += length;
  }
  if (at !== size) throw errors.MEDIA_OUTPUT_DAMAGED(path, "its last box is cut short");
  if (index === undefined) throw errors.MEDIA_OUTPUT_DAMAGED(path, "its index is missing");
  return { index, mediaBytes };
}

function* children(box: Buffer, type: string): Generator<Buffer> {
  for (let at = 0; at + 8 <= box.length; ) {
    const length = box.readUInt32BE(at);
    if (length < 8 || at + length > box.length) return;
    if (box.toString("latin1", at + 4, at + 8) === type) yield box.subarray(at + 8, at + length);
    at += length;
  }
}

function child(box: Buffer, ...path: readonly string[]): Buffer | undefined {
  let found: Buffer | undefined = box;
  for (const type of path) found = found && children(found, type).next().value;
  return found;
}
