/** Loads Shaka Player: only the manifest format that is asked for. */

import type shakaTypes from "shaka-player";
import { loadChunk } from "../chunks.ts";

export type Shaka = typeof shakaTypes;

const loaded = new Map<string, Promise<Shaka>>();

/** Loaded once; a load that failed is tried again by whoever asks next. */
export function loadShaka(format: "dash" | "hls"): Promise<Shaka> {
  let shaka = loaded.get(format);
  if (shaka === undefined) {
    shaka = load(format);
    shaka.catch(() => loaded.delete(format));
    loaded.set(format, shaka);
  }
  return shaka;
}

async function load(format: "dash" | "hls"): Promise<Shaka> {
  const module: { default: Shaka } = await loadChunk(() =>
    format === "hls"
      ? import("shaka-player/dist/shaka-player.hls-es2021.js")
      : import("shaka-player/dist/shaka-player.dash-es2021.js"),
  );
  module.default.polyfill.installAll();
  return module.default;
}
