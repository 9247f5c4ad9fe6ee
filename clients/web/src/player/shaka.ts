/** Loads Shaka Player: only the manifest format that is asked for. */

import type shakaTypes from "shaka-player";
import { loadChunk } from "../chunks.ts";

export type Shaka = typeof shakaTypes;

export async function loadShaka(format: "dash" | "hls"): Promise<Shaka> {
  const module: { default: Shaka } = await loadChunk(() =>
    format === "hls"
      ? import("shaka-player/dist/shaka-player.hls-es2021.js")
      : import("shaka-player/dist/shaka-player.dash-es2021.js"),
  );
  const shaka = module.default;
  shaka.polyfill.installAll();
  return shaka;
}
