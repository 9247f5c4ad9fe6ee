/** Which files of a package's revision a ceiling admits. */

import { CEILINGS, type Ceiling } from "./ceiling.ts";
import type { PlayablePackage } from "./grant.ts";

/**
 * Names of the tracks above the ceiling. All files of a track share its name up to the first dot: its media and its
 * playlist, such as `video-2160p.mp4` and `video-2160p.media.m3u8`.
 */
export function tracksAbove(pack: PlayablePackage, ceiling: Ceiling): string[] {
  const above: readonly string[] = CEILINGS.slice(CEILINGS.indexOf(ceiling) + 1);
  return [...new Set(pack.tracks.filter(({ trackClass }) => above.includes(trackClass)).map(({ path }) => stem(path)))];
}

/** Whether a file is at or below the ceiling; `denied` are the names of the tracks that are not. */
export function isAdmitted(file: string, ceiling: Ceiling, denied: readonly string[]): boolean {
  const name = stem(file);
  if (denied.includes(name)) return false;
  const manifest = /\.(mpd|m3u8)$/.test(file) ? (CEILINGS as readonly string[]).indexOf(name) : -1;
  return manifest <= CEILINGS.indexOf(ceiling);
}

function stem(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.indexOf(".");
  return dot === -1 ? name : name.slice(0, dot);
}
