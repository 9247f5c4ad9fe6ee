/** Tells the system what plays, for its lock screen and the keys of keyboards, headphones and remotes. */

import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { useEffect, useRef } from "react";
import { type Actions, JUMP_SECONDS } from "./keyboard.ts";
import type { VideoState } from "./use-video-state.ts";

/** Undefined in browsers that have none. */
const mediaSession: MediaSession | undefined = navigator.mediaSession;

export function useMediaSession(
  displayTitle: string,
  title: Title | undefined,
  state: VideoState,
  actions: Actions,
): void {
  const latest = useRef(actions);
  latest.current = actions;

  useEffect(() => {
    if (mediaSession === undefined || displayTitle === "") return;
    const artwork = (title?.artworks ?? []).map(({ uri, width, height }) => ({
      src: uri,
      sizes: `${width}x${height}`,
      type: "image/jpeg",
    }));
    mediaSession.metadata = new MediaMetadata({ title: displayTitle, artist: "Matinee", artwork });
    return () => {
      mediaSession.metadata = null;
    };
  }, [displayTitle, title]);

  useEffect(() => {
    if (mediaSession === undefined) return;
    const handlers: Partial<Record<MediaSessionAction, (details: MediaSessionActionDetails) => void>> = {
      play: () => latest.current.play(),
      pause: () => latest.current.pause(),
      stop: () => latest.current.leave(),
      seekbackward: ({ seekOffset }) => latest.current.seekBy(-(seekOffset ?? JUMP_SECONDS)),
      seekforward: ({ seekOffset }) => latest.current.seekBy(seekOffset ?? JUMP_SECONDS),
      seekto: ({ seekTime }) => seekTime !== undefined && latest.current.seekTo(seekTime),
    };
    const names = Object.keys(handlers) as MediaSessionAction[];
    const set = (name: MediaSessionAction, handler: MediaSessionActionHandler | null) => {
      try {
        mediaSession.setActionHandler(name, handler);
      } catch {
        // A browser that does not know the action does without.
      }
    };
    for (const name of names) set(name, handlers[name] ?? null);
    return () => {
      for (const name of names) set(name, null);
    };
  }, []);

  const { isPaused, isEnded, durationSeconds, rate } = state;
  // Within the length, or the browser throws; the system counts on by itself between calls.
  const position = Math.min(Math.floor(state.seconds), durationSeconds);
  useEffect(() => {
    if (mediaSession === undefined || durationSeconds === 0) return;
    mediaSession.playbackState = isPaused || isEnded ? "paused" : "playing";
    mediaSession.setPositionState?.({ duration: durationSeconds, playbackRate: rate, position });
    return () => {
      mediaSession.playbackState = "none";
    };
  }, [isPaused, isEnded, durationSeconds, rate, position]);
}
