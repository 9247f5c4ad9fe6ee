/** The player's code and Shaka Player's, which nobody loads before a film is near. */

import type { MatineeError } from "@matinee/sdk/errors";
import { usableKeySystems } from "@matinee/sdk/key-systems";
import type { Platform } from "@matinee/sdk/platform";
import { Telemetry } from "@matinee/sdk/telemetry";
import { type MouseEvent, type PointerEvent, useEffect, useRef } from "react";
import { useApp } from "../app-context.ts";
import { pageCode } from "../lazy-page.tsx";
import { supportsKeySystem } from "./key-system.ts";
import { loadShaka } from "./shaka.ts";

/** The player's code, once it is there. */
let player: typeof import("./watch.tsx") | undefined;

export const watchPage = pageCode(async () => {
  player = await import("./watch.tsx");
  return player.WatchPage;
});

/**
 * For a link to the player's page of `titles/{uuid}`: the service answers while the page is made. A mouse says at the press
 * what it will click, and the request is on its way before the page takes the processor; a finger may want to scroll.
 */
export function playOnClick(platform: Platform, title: string) {
  const ask = (event: MouseEvent) => {
    // Another click opens another page or window.
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (isPlain) player?.askEarly(platform, title);
  };
  return { onPointerDown: (event: PointerEvent) => event.pointerType === "mouse" && ask(event), onClick: ask };
}

/** Fetches what the first picture will wait for, while the page that offers the film is read. */
export function preloadPlayer(platform: Platform): void {
  // Failures are told when the film is asked for.
  loadShaka("dash").catch(() => undefined);
  watchPage
    .fetch()
    .then(() => player?.spareEngine())
    .catch(() => undefined);
  meetDecoders();
  // What the device can decrypt is said with the first request of a play.
  void usableKeySystems(platform, supportsKeySystem);
}

/** Tells, once, of the start that failed because the player's code did not come. */
export function useMissingPlayer(title: string): (error: MatineeError) => void {
  const { platform } = useApp();
  const requestedMs = useRef(performance.now());
  const isTold = useRef(false);
  return (error) => {
    if (isTold.current) return;
    isTold.current = true;
    const telemetry = new Telemetry({ platform, title });
    telemetry.record({ case: "playRequested", value: { player: "" } }, 0);
    telemetry.recordFailure(error, 0, performance.now() - requestedMs.current);
    telemetry.tellAsView();
  };
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
  const { platform } = useApp();
  useEffect(() => {
    if (!isWanted || savesData()) return;
    // Safari has no requestIdleCallback.
    if (typeof requestIdleCallback === "undefined") {
      const timer = setTimeout(() => preloadPlayer(platform), 500);
      return () => clearTimeout(timer);
    }
    const handle = requestIdleCallback(() => preloadPlayer(platform), { timeout: 2_000 });
    return () => cancelIdleCallback(handle);
  }, [isWanted, platform]);
}

function savesData(): boolean {
  const { connection } = navigator as { readonly connection?: { readonly saveData?: boolean } };
  return connection?.saveData === true;
}
