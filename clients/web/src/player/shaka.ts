/** Loads Shaka Player: only the manifest format that is asked for. */

import type shakaTypes from "shaka-player";

export type Shaka = typeof shakaTypes;

export async function loadShaka(format: "dash" | "hls"): Promise<Shaka> {
  const module = (
    format === "hls"
      ? await import("shaka-player/dist/shaka-player.hls-es2021.js")
      : await import("shaka-player/dist/shaka-player.dash-es2021.js")
  ) as { default: Shaka };
  const shaka = module.default;
  shaka.polyfill.installAll();
  return shaka;
}
