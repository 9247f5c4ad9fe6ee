/** What the controls show of the video element. */

import { forEver } from "@matinee/sdk/browser-storage";
import { type RefObject, useEffect, useState } from "react";

export interface VideoState {
  readonly isPaused: boolean;
  readonly isEnded: boolean;
  readonly isBuffering: boolean;
  readonly isMuted: boolean;
  readonly volume: number;
  readonly rate: number;
  readonly seconds: number;
  readonly durationSeconds: number;
  /** End of what is buffered around the position. */
  readonly bufferedSeconds: number;
  readonly isFullscreen: boolean;
  readonly isInPip: boolean;
}

const INITIAL: VideoState = {
  isPaused: true,
  isEnded: false,
  isBuffering: false,
  isMuted: false,
  volume: 1,
  rate: 1,
  seconds: 0,
  durationSeconds: 0,
  bufferedSeconds: 0,
  isFullscreen: false,
  isInPip: false,
};

const VOLUME_KEY = "matinee.volume";
const MUTED_KEY = "matinee.muted";
const HAVE_FUTURE_DATA = 3;

const EVENTS = [
  "play",
  "playing",
  "pause",
  "ended",
  "waiting",
  "canplay",
  "seeking",
  "seeked",
  "timeupdate",
  "progress",
  "durationchange",
  "ratechange",
  "volumechange",
  "emptied",
  "enterpictureinpicture",
  "leavepictureinpicture",
] as const;

export function useVideoState(video: RefObject<HTMLVideoElement | null>): VideoState {
  const [state, setState] = useState(INITIAL);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    Object.assign(element, rememberedSound());
    // What happens between two pictures of the screen is one change.
    let pending: number | undefined;
    const look = () => {
      if (document.hidden) return now();
      pending ??= requestAnimationFrame(now);
    };
    const now = () => {
      pending = undefined;
      setState((last) => {
        const next = read(element, last);
        return isSame(last, next) ? last : next;
      });
    };
    const keepSound = () => {
      forEver.set(VOLUME_KEY, String(element.volume));
      forEver.set(MUTED_KEY, String(element.muted));
    };
    for (const name of EVENTS) element.addEventListener(name, look);
    element.addEventListener("volumechange", keepSound);
    document.addEventListener("fullscreenchange", look);
    now();
    return () => {
      if (pending !== undefined) cancelAnimationFrame(pending);
      // The browser tells of a change a moment later, and the page may be gone by then.
      keepSound();
      for (const name of EVENTS) element.removeEventListener(name, look);
      element.removeEventListener("volumechange", keepSound);
      document.removeEventListener("fullscreenchange", look);
    };
  }, [video]);
  return state;
}

/** As loud as last time; a volume that is none would throw. */
function rememberedSound(): { readonly volume: number; readonly muted: boolean } {
  const kept = forEver.get(VOLUME_KEY);
  const volume = kept === undefined || kept.trim() === "" ? Number.NaN : Number(kept);
  return { volume: volume >= 0 && volume <= 1 ? volume : 1, muted: forEver.get(MUTED_KEY) === "true" };
}

function isSame(one: VideoState, other: VideoState): boolean {
  return (Object.keys(one) as (keyof VideoState)[]).every((key) => one[key] === other[key]);
}

function read(video: HTMLVideoElement, last: VideoState): VideoState {
  const seconds = video.currentTime;
  let bufferedSeconds = seconds;
  for (let index = 0; index < video.buffered.length; index++) {
    if (video.buffered.start(index) <= seconds + 0.5 && video.buffered.end(index) > bufferedSeconds) {
      bufferedSeconds = video.buffered.end(index);
    }
  }
  return {
    isPaused: video.paused,
    isEnded: video.ended,
    isBuffering: video.seeking || (!video.paused && !video.ended && video.readyState < HAVE_FUTURE_DATA),
    isMuted: video.muted || video.volume === 0,
    volume: video.volume,
    // Shaka holds the film at rate 0 while it buffers; the viewer chose none.
    rate: video.playbackRate || last.rate,
    seconds,
    durationSeconds: Number.isFinite(video.duration) ? video.duration : 0,
    bufferedSeconds,
    isFullscreen: document.fullscreenElement !== null,
    isInPip: document.pictureInPictureElement === video,
  };
}
