/** The time of every packet of a file, read by demuxing alone: nothing is decoded. */

import { inputArgs, runTool, type ToolOptions } from "./ffmpeg.ts";
import type { RawMedia } from "./probe-raw.ts";
import { parseRational, type Rational, rational } from "./rational.ts";

/** The frames of a video stream in presentation order; times in ticks of the stream's time base. */
export interface VideoPackets {
  readonly ticks: readonly number[];
  readonly keyTicks: readonly number[];
  /** When the last frame ends; undefined where the container does not say. */
  readonly endTicks: number | undefined;
}

export interface PacketScan {
  /** When the last packet of any stream ends, on the file's clock. */
  readonly endSeconds: number;
  packetCount(index: number): number;
  span(index: number): { readonly startSeconds: number; readonly endSeconds: number };
  video(index: number): VideoPackets;
}

interface StreamScan {
  readonly timeBase: Rational;
  readonly isVideo: boolean;
  count: number;
  first: number;
  end: number;
  readonly ticks: number[];
  readonly keyTicks: number[];
}

const SCAN_TIMEOUT_MS = 30 * 60_000;

export async function scanPackets(path: string, raw: RawMedia, options: ToolOptions): Promise<PacketScan> {
  const streams = new Map<number, StreamScan>();
  for (const stream of raw.streams) {
    streams.set(stream.index, {
      timeBase: parseRational(stream.time_base ?? "") ?? rational(1, 1000),
      isVideo: stream.codec_type === "video",
      count: 0,
      first: Number.POSITIVE_INFINITY,
      end: Number.NEGATIVE_INFINITY,
      ticks: [],
      keyTicks: [],
    });
  }
  const entries = "packet=stream_index,pts,duration,flags";
  await runTool({
    timeoutMs: SCAN_TIMEOUT_MS,
    ...options,
    tool: "ffprobe",
    // genpts: AVI stores no presentation times.
    args: ["-v", "error", "-fflags", "+genpts", "-show_entries", entries, "-of", "csv=p=0", ...inputArgs(path)],
    onLine: (line) => takePacket(streams, line),
  });
  const seconds = (scan: StreamScan, ticks: number) => (ticks * scan.timeBase.num) / scan.timeBase.den;
  const ends = [...streams.values()].filter((scan) => scan.count > 0).map((scan) => seconds(scan, scan.end));
  return {
    endSeconds: ends.length === 0 ? 0 : Math.max(...ends),
    packetCount: (index) => streams.get(index)?.count ?? 0,
    span(index) {
      const scan = streams.get(index);
      if (scan === undefined || !Number.isFinite(scan.first)) return { startSeconds: 0, endSeconds: 0 };
      return { startSeconds: seconds(scan, scan.first), endSeconds: seconds(scan, scan.end) };
    },
    video(index) {
      const scan = streams.get(index);
      const ticks = scan?.ticks.sort((a, b) => a - b) ?? [];
      const keyTicks = scan?.keyTicks.sort((a, b) => a - b) ?? [];
      return { ticks, keyTicks, endTicks: scan !== undefined && Number.isFinite(scan.end) ? scan.end : undefined };
    },
  };
}

/** A line is `stream_index,pts,duration,flags`; others belong to side data. */
function takePacket(streams: ReadonlyMap<number, StreamScan>, line: string): void {
  const [index, pts, duration, flags] = line.split(",");
  const scan = streams.get(Number(index));
  if (index === "" || scan === undefined || flags === undefined) return;
  scan.count++;
  // "D": the edit list hides it.
  if (flags[1] === "D" || pts === undefined || !/^-?\d+$/.test(pts)) return;
  const tick = Number(pts);
  scan.first = Math.min(scan.first, tick);
  scan.end = Math.max(scan.end, tick + (Number(duration) || 0));
  if (!scan.isVideo) return;
  scan.ticks.push(tick);
  if (flags[0] === "K") scan.keyTicks.push(tick);
}
