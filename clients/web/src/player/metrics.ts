/** What the telemetry of one view measures: start-up, stalls, renditions, time that pictures moved. */

import type { MatineeError } from "@matinee/sdk/errors";
import type { Telemetry } from "@matinee/sdk/telemetry";
import { fromSeconds } from "@matinee/sdk/time";
import type { Engine } from "./engine.ts";
import { PlayTime } from "./play-time.ts";

const SAMPLE_MS = 10_000;

export interface Metrics {
  /** There is a play: what the video does from now on is the play's. */
  begin(): void;
  /** Another rendition may be played now. */
  renditionMayHaveChanged(): void;
  failed(error: MatineeError): void;
  /** The viewer left or the film ended; counts once. */
  ended(): void;
  stop(): void;
}

export function newMetrics(
  video: HTMLVideoElement,
  engine: () => Engine | undefined,
  telemetry: Telemetry,
  requestedMs: number,
): Metrics {
  const time = new PlayTime(requestedMs);
  let height = 0;
  let isOver = false;
  let sample: ReturnType<typeof setInterval> | undefined;
  const at = () => video.currentTime || 0;
  const duration = (ms: number) => fromSeconds(ms / 1000) as never;
  const stop = new AbortController();
  const on = (name: keyof HTMLMediaElementEventMap, listener: () => void) =>
    video.addEventListener(name, listener, { signal: stop.signal });

  telemetry.record({ case: "playRequested", value: { player: "" } }, at());

  const tellStall = (stallMs: number | undefined) => {
    if (stallMs === undefined) return;
    telemetry.record({ case: "rebufferEnded", value: { stallDuration: duration(stallMs) } }, at());
  };
  const begin = () => {
    on("playing", () => {
      const { startupMs, stallMs } = time.playing(performance.now());
      if (startupMs !== undefined) {
        telemetry.record({ case: "firstFrame", value: { startupTime: duration(startupMs) } }, at());
      }
      tellStall(stallMs);
    });
    for (const name of ["seeking", "pause", "ended"] as const)
      on(name, () => tellStall(time.halted(performance.now())));
    on("waiting", () => time.waiting(performance.now()));

    sample = setInterval(() => {
      const tracks = engine()?.tracks();
      if (!time.hasFirstFrame || tracks === undefined) return;
      const { playingMs, stalledMs } = time.totals(performance.now());
      telemetry.record(
        {
          case: "sample",
          value: {
            playingTime: duration(playingMs),
            stalledTime: duration(stalledMs),
            bitsPerSecond: BigInt(Math.round(tracks.bitsPerSecond)),
            height: tracks.height,
            droppedFrames: engine()?.droppedFrames() ?? 0,
          },
        },
        at(),
      );
    }, SAMPLE_MS);
  };

  return {
    begin,
    renditionMayHaveChanged() {
      const tracks = engine()?.tracks();
      if (tracks === undefined || tracks.height === 0 || tracks.height === height) return;
      height = tracks.height;
      const bitsPerSecond = BigInt(Math.round(tracks.bitsPerSecond));
      telemetry.record({ case: "renditionChanged", value: { height, bitsPerSecond } }, at());
    },
    failed(error) {
      telemetry.recordFailure(error, at(), time.hasFirstFrame ? undefined : performance.now() - requestedMs);
    },
    ended() {
      if (isOver) return;
      isOver = true;
      tellStall(time.halted(performance.now()));
      const { playingMs, stalledMs } = time.totals(performance.now());
      telemetry.record(
        { case: "playEnded", value: { playingTime: duration(playingMs), stalledTime: duration(stalledMs) } },
        at(),
      );
    },
    stop() {
      stop.abort();
      clearInterval(sample);
    },
  };
}
