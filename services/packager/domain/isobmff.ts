/** Reads what packaging needs to know from a fragmented MP4 file: its encryption and its segments (ISO/IEC 14496-12, 23001-7). */

export interface Box {
  readonly type: string;
  /** Where the box begins, counted from the start of the bytes. */
  readonly start: number;
  /** Where its content begins. */
  readonly body: number;
  /** The first byte after it. */
  readonly end: number;
}

/** A byte range of the file, both ends included. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

/** Every encrypted sample of a track, as its `tenc` box says. */
export interface TrackEncryption {
  /** Four characters, such as `cbcs`. */
  readonly scheme: string;
  readonly keyId: Uint8Array;
  /** Undefined where each sample has a vector of its own. */
  readonly constantIv: Uint8Array | undefined;
  /** 16-byte blocks that are encrypted, then skipped. */
  readonly cryptBlocks: number;
  readonly skipBlocks: number;
}

export interface Segment {
  /** Of the whole segment, in the file. */
  readonly range: FileRange;
  /** In units of the index's time scale. */
  readonly duration: number;
}

export interface TrackHeader {
  readonly initRange: FileRange;
  readonly indexRange: FileRange;
  /** Four-character codes of the sample entries: `avc1`, or `encv` for what is encrypted. */
  readonly sampleEntries: readonly string[];
  /** Undefined in the clear. */
  readonly encryption: TrackEncryption | undefined;
  /** Units a second of the segments' durations. */
  readonly timescale: number;
  readonly segments: readonly Segment[];
}

/** Header of a box: 32-bit size, type, and a 64-bit size where the first is 1. Undefined where fewer than 8 bytes are left. */
export function readBoxHeader(
  bytes: Uint8Array,
  at: number,
): { type: string; size: number; header: number } | undefined {
  if (at + 8 > bytes.byteLength) return undefined;
  const view = viewOf(bytes);
  const size = view.getUint32(at);
  const type = Buffer.from(bytes.buffer, bytes.byteOffset + at + 4, 4).toString("latin1");
  if (size !== 1) return { type, size, header: 8 };
  if (at + 16 > bytes.byteLength) return undefined;
  return { type, size: Number(view.getBigUint64(at + 8)), header: 16 };
}

/** The boxes between two places. Throws a plain Error where one reaches past the end. */
export function boxesIn(bytes: Uint8Array, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at < to; ) {
    const found = readBoxHeader(bytes, at);
    if (found === undefined || found.size < found.header || at + found.size > to) {
      throw new Error(`a box at byte ${at} is cut short`);
    }
    boxes.push({ type: found.type, start: at, body: at + found.header, end: at + found.size });
    at += found.size;
  }
  return boxes;
}

/**
 * Reads the head of a file: everything up to and with its `sidx` box, which ends before the first fragment. The track
 * must be the only one. Throws a plain Error for what is not such a file.
 */
export function readTrackHeader(head: Uint8Array): TrackHeader {
  const top = boxesIn(head, 0, head.byteLength);
  const moov = one(top, "moov");
  const sidx = one(top, "sidx");
  const trak = one(boxesIn(head, moov.body, moov.end), "trak");
  const stsd = descend(head, trak, ["mdia", "minf", "stbl", "stsd"]);
  // version and flags, then the number of entries
  const entries = boxesIn(head, stsd.body + 8, stsd.end);
  const encryptions = entries.flatMap((entry) => readEncryption(head, entry) ?? []);
  return {
    initRange: { start: 0, end: moov.end - 1 },
    indexRange: { start: sidx.start, end: sidx.end - 1 },
    sampleEntries: entries.map((entry) => entry.type),
    encryption: encryptions[0],
    ...readSegments(head, sidx),
  };
}

/** Bytes of a sample entry before its child boxes (ISO/IEC 14496-12 clauses 12.1.3 and 12.2.3). */
const ENTRY_FIELDS: Readonly<Record<string, number>> = { encv: 78, enca: 28 };

function readEncryption(bytes: Uint8Array, entry: Box): TrackEncryption | undefined {
  const fields = ENTRY_FIELDS[entry.type];
  if (fields === undefined) return undefined;
  const sinf = one(boxesIn(bytes, entry.body + fields, entry.end), "sinf");
  const schm = one(boxesIn(bytes, sinf.body, sinf.end), "schm");
  const tenc = descend(bytes, sinf, ["schi", "tenc"]);
  const scheme = Buffer.from(bytes.subarray(schm.body + 4, schm.body + 8)).toString("latin1");
  const version = bytes[tenc.body] ?? 0;
  const pattern = version === 0 ? 0 : (bytes[tenc.body + 5] ?? 0);
  const isProtected = bytes[tenc.body + 6] === 1;
  const ivSize = bytes[tenc.body + 7] ?? 0;
  if (!isProtected) throw new Error("the samples of a protected entry are in the clear by default");
  const constantSize = ivSize === 0 ? (bytes[tenc.body + 24] ?? 0) : 0;
  const constantAt = tenc.body + 25;
  if (constantAt + constantSize > tenc.end) throw new Error("tenc is cut short");
  return {
    scheme,
    keyId: bytes.slice(tenc.body + 8, tenc.body + 24),
    constantIv: constantSize === 0 ? undefined : bytes.slice(constantAt, constantAt + constantSize),
    cryptBlocks: pattern >> 4,
    skipBlocks: pattern & 15,
  };
}

function readSegments(bytes: Uint8Array, sidx: Box): { timescale: number; segments: Segment[] } {
  const view = viewOf(bytes);
  const version = bytes[sidx.body] ?? 0;
  const timescale = view.getUint32(sidx.body + 8);
  const wide = version !== 0;
  const firstOffset = wide ? Number(view.getBigUint64(sidx.body + 20)) : view.getUint32(sidx.body + 16);
  let at = sidx.body + (wide ? 28 : 20) + 2;
  const count = view.getUint16(at);
  at += 2;
  if (at + count * 12 > sidx.end) throw new Error("sidx is cut short");
  // offsets count from the first byte after the index
  let start = sidx.end + firstOffset;
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++, at += 12) {
    const word = view.getUint32(at);
    if (word >>> 31 !== 0) throw new Error("sidx refers to another index");
    const size = word & 0x7fff_ffff;
    segments.push({ range: { start, end: start + size - 1 }, duration: view.getUint32(at + 4) });
    start += size;
  }
  return { timescale, segments };
}

function descend(bytes: Uint8Array, from: Box, path: readonly string[]): Box {
  return path.reduce((box, type) => one(boxesIn(bytes, box.body, box.end), type), from);
}

function one(boxes: readonly Box[], type: string): Box {
  const found = boxes.filter((box) => box.type === type);
  const [box] = found;
  if (box === undefined || found.length > 1) throw new Error(`expected one ${type} box, found ${found.length}`);
  return box;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
