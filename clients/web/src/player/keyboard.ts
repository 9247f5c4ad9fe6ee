/** The player's keys, as people know them from elsewhere. */

import { useEffect, useRef } from "react";

export interface Actions {
  readonly play: () => void;
  readonly pause: () => void;
  readonly togglePlay: () => void;
  readonly seekBy: (seconds: number) => void;
  readonly seekTo: (seconds: number) => void;
  /** From 0 to 1. */
  readonly seekToShare: (share: number) => void;
  readonly volumeBy: (step: number) => void;
  readonly toggleMuted: () => void;
  readonly toggleCaptions: () => void;
  readonly toggleFullscreen: () => void;
  readonly togglePip: () => void;
  readonly rateBy: (step: number) => void;
  readonly leave: () => void;
}

export const JUMP_SECONDS = 10;
const FRAME_SECONDS = 1 / 24;

/** Space K: play · ← → J L: 10 s · ↑ ↓: volume · M · C · F · P · < > : speed · 0-9 Home End: jump · , .: a frame · Esc */
export function useKeyboard(actions: Actions, onKey: () => void): void {
  const latest = useRef({ actions, onKey });
  latest.current = { actions, onKey };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      const { target } = event;
      const inMenu = target instanceof HTMLElement && target.closest("[role=menu]") !== null;
      // The line of time has no keys of its own: arrows mean the same before and after it was clicked.
      const isRange = target instanceof HTMLInputElement && target.dataset.keys !== "player";
      const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
      latest.current.onKey();
      if (inMenu) return;
      // A focused control keeps the keys that are its own.
      if (isButton && (event.key === " " || event.key === "Enter")) return;
      if (isRange && (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End")) return;
      const action = actionOf(event.key, latest.current.actions);
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

export function actionOf(key: string, actions: Actions): (() => void) | undefined {
  if (/^[0-9]$/.test(key)) return () => actions.seekToShare(Number(key) / 10);
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case " ":
    case "k":
    case "MediaPlayPause":
      return actions.togglePlay;
    case "ArrowLeft":
    case "j":
      return () => actions.seekBy(-JUMP_SECONDS);
    case "ArrowRight":
    case "l":
      return () => actions.seekBy(JUMP_SECONDS);
    case ",":
      return () => actions.seekBy(-FRAME_SECONDS);
    case ".":
      return () => actions.seekBy(FRAME_SECONDS);
    case "ArrowUp":
      return () => actions.volumeBy(0.1);
    case "ArrowDown":
      return () => actions.volumeBy(-0.1);
    case "m":
      return actions.toggleMuted;
    case "c":
      return actions.toggleCaptions;
    case "f":
      return actions.toggleFullscreen;
    case "p":
      return actions.togglePip;
    case "<":
      return () => actions.rateBy(-0.25);
    case ">":
      return () => actions.rateBy(0.25);
    case "Home":
      return () => actions.seekTo(0);
    case "End":
      return () => actions.seekToShare(1);
    case "Escape":
      // Leaving full screen is the browser's; Escape outside of it leaves the film.
      return document.fullscreenElement === null ? actions.leave : undefined;
    default:
      return undefined;
  }
}
