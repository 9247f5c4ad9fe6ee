/** The player's code and Shaka Player's, which nobody loads before a film is near. */

import { useEffect } from "react";
import { pageCode } from "../lazy-page.tsx";
import { loadShaka } from "./shaka.ts";

export const watchPage = pageCode(() => import("./watch.tsx").then(({ WatchPage }) => WatchPage));

/** Fetches what the first picture will wait for, while the page that offers the film is read. */
export function preloadPlayer(): void {
  watchPage.preload();
  // A failure is told when the film is asked for.
  loadShaka("dash").catch(() => undefined);
  meetDecoders();
}

/**
 * The first question after decoders and a key system takes the browser tens of milliseconds, later ones a few: it is asked
 * before the player has to. Pages that are not secure get no answer, and need none.
 */
function meetDecoders(): void {
  const video = {
    contentType: 'video/mp4; codecs="avc1.42e01e"',
    width: 640,
    height: 360,
    bitrate: 1e6,
    framerate: 24,
  };
  const audio = { contentType: 'audio/mp4; codecs="mp4a.40.2"' };
  const keySystemConfiguration = { keySystem: "org.w3.clearkey", initDataType: "cenc" };
  navigator.mediaCapabilities
    ?.decodingInfo({ type: "media-source", video, audio, keySystemConfiguration })
    .catch(() => undefined);
}

/** Preloads once the page has what it needs itself; browsers that save data are asked for nothing. */
export function usePlayerSoon(isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted || savesData()) return;
    // Safari has no requestIdleCallback.
    if (typeof requestIdleCallback === "undefined") {
      const timer = setTimeout(preloadPlayer, 500);
      return () => clearTimeout(timer);
    }
    const handle = requestIdleCallback(preloadPlayer, { timeout: 2_000 });
    return () => cancelIdleCallback(handle);
  }, [isWanted]);
}

function savesData(): boolean {
  const { connection } = navigator as { readonly connection?: { readonly saveData?: boolean } };
  return connection?.saveData === true;
}
