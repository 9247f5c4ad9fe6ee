/** The time of every packet of a file, read by demuxing alone: nothing is decoded. */

import { errors } from "./errors.ts";
import { inputArgs, runTool, type ToolOptions } from "./ffmpeg.ts";
import { MAX_PACKETS } from "./limits.ts";
import type { RawMedia, RawStream } from "./probe-raw.ts";
import { parseRational, type Rational, rational } from "./rational.ts";
import { Ticks } from "./ticks.ts";

/** The frames of a video stream in presentation order; times in ticks of the stream's time base. */
export interface VideoPackets {
  readonly ticks: Float64Array;
  readonly keyTicks: Float64Array;
  /** When the last frame ends; undefined where the container does not say. */
  readonly endTicks: number | undefined;
}

export interface PacketScan {
  /** When the last packet of any stream ends, on the file's clock. */
  readonly endSeconds: number;
  /** When the last picture or sound ends. */
  readonly playsUntilSeconds: number;
  span(index: number): { readonly startSeconds: number; readonly endSeconds: number };
  readonly video: VideoPackets;
}

interface StreamScan {
  readonly timeBase: Rational;
  readonly plays: boolean;
  count: number;
  first: number;
  end: number;
}

/** The times of the one video stream that is made into the film. */
interface VideoScan {
  readonly index: number;
  readonly ticks: Ticks;
  readonly keyTicks: Ticks;
}

const ENTRIES = "packet=stream_index,pts,duration,flags";
const SCAN_TIMEOUT_MS = 30 * 60_000;

/** Throws `MEDIA_BEYOND_CONTENT` where there are more packets than bytes, and what `runTool` throws. */
export async function scanPackets(
  path: string,
  raw: RawMedia,
  of: { readonly video: RawStream; readonly sizeBytes: number },
  options: ToolOptions,
): Promise<PacketScan> {
  const streams = new Map<number, StreamScan>();
  for (const stream of raw.streams) {
    streams.set(stream.index, {
      timeBase: parseRational(stream.time_base ?? "") ?? rational(1, 1000),
      plays: stream.index === of.video.index || stream.codec_type === "audio",
      count: 0,
      first: Number.POSITIVE_INFINITY,
      end: Number.NEGATIVE_INFINITY,
    });
  }
  const video: VideoScan = { index: of.video.index, ticks: new Ticks(), keyTicks: new Ticks() };
  const stop = new AbortController();
  // A table of samples may name the same bytes again and again.
  const most = Math.min(MAX_PACKETS, of.sizeBytes);
  let count = 0;
  await runTool({
    timeoutMs: SCAN_TIMEOUT_MS,
    ...options,
    signal: options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]),
    tool: "ffprobe",
    // genpts: AVI stores no presentation times.
    args: ["-v", "error", "-fflags", "+genpts", "-show_entries", ENTRIES, "-of", "csv=p=0", ...inputArgs(path)],
    onLine(line) {
      takePacket(streams, video, line);
      if (++count > most)
        stop.abort(errors.MEDIA_BEYOND_CONTENT(`${of.sizeBytes} bytes are to hold more than ${most} packets.`));
    },
  });
  const seconds = (scan: StreamScan, ticks: number) => (ticks * scan.timeBase.num) / scan.timeBase.den;
  const endOf = (scans: readonly StreamScan[]) =>
    scans.reduce((end, scan) => (scan.count > 0 ? Math.max(end, seconds(scan, scan.end)) : end), 0);
  const all = [...streams.values()];
  const film = streams.get(video.index);
  return {
    endSeconds: endOf(all),
    playsUntilSeconds: endOf(all.filter(({ plays }) => plays)),
    span(index) {
      const scan = streams.get(index);
      if (scan === undefined || !Number.isFinite(scan.first)) return { startSeconds: 0, endSeconds: 0 };
      return { startSeconds: seconds(scan, scan.first), endSeconds: seconds(scan, scan.end) };
    },
    video: {
      ticks: await video.ticks.sorted(),
      keyTicks: await video.keyTicks.sorted(),
      endTicks: film !== undefined && Number.isFinite(film.end) ? film.end : undefined,
    },
  };
}

/** A line is `stream_index,pts,duration,flags`; others belong to side data. */
function takePacket(streams: ReadonlyMap<number, StreamScan>, video: VideoScan, line: string): void {
  const [index, pts, duration, flags] = line.split(",");
  const scan = streams.get(Number(index));
  if (index === "" || scan === undefined || flags === undefined) return;
  scan.count++;
  // "D": the edit list hides it.
  if (flags[1] === "D" || pts === undefined || !/^-?\d+$/.test(pts)) return;
  const tick = Number(pts);
  scan.first = Math.min(scan.first, tick);
  scan.end = Math.max(scan.end, tick + (Number(duration) || 0));
  if (Number(index) !== video.index) return;
  video.ticks.push(tick);
  if (flags[0] === "K") video.keyTicks.push(tick);
}
