/** Counts the frames of MP4 files of our own making (ISO/IEC 14496-12), which starting ffprobe for would cost more. */

import { type FileHandle, open } from "node:fs/promises";

/** A sample table of a day at 60 frames a second stays below. */
const MAX_MOOV_BYTES = 256 * 1024 * 1024;

/** The video track's samples; 0 where the file has no index or no video. */
export async function countVideoSamples(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    const moov = await readMoov(file);
    if (moov === undefined) return 0;
    for (const track of children(moov, "trak")) {
      const media = child(track, "mdia");
      const handler = media && child(media, "hdlr");
      const table = media && child(media, "minf", "stbl");
      // hdlr: version and flags, pre_defined, then the handler's type.
      if (table === undefined || handler?.toString("latin1", 8, 12) !== "vide") continue;
      const sizes = child(table, "stsz");
      // stsz: version and flags, sample_size, sample_count.
      if (sizes !== undefined && sizes.length >= 12) return sizes.readUInt32BE(8);
    }
    return 0;
  } finally {
    await file.close();
  }
}

async function readMoov(file: FileHandle): Promise<Buffer | undefined> {
  const { size } = await file.stat();
  const header = Buffer.alloc(16);
  for (let at = 0; at + 8 <= size; ) {
    await file.read(header, 0, 16, at);
    const short = header.readUInt32BE(0);
    const headerBytes = short === 1 ? 16 : 8;
    const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? size - at : short;
    if (length < headerBytes || at + length > size) return undefined;
    if (header.toString("latin1", 4, 8) === "moov") {
      if (length > MAX_MOOV_BYTES) return undefined;
      const moov = Buffer.alloc(length - headerBytes);
      await file.read(moov, 0, moov.length, at + headerBytes);
      return moov;
    }
    at += length;
  }
  return undefined;
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
