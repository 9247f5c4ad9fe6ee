/** Which files of a package's revision a ceiling admits. */

import { type Ceiling, isWithin } from "./ceiling.ts";
import type { PlayablePackage } from "./grant.ts";

/**
 * Names of what is above the ceiling: tracks and manifests, and those of a class that this release does not know. All
 * files of a track share its name up to the first dot: its media and its playlist, such as `video-2160p.mp4` and
 * `video-2160p.media.m3u8`.
 */
export function namesAbove(pack: PlayablePackage, ceiling: Ceiling): string[] {
  const tracks = pack.tracks.filter(
    ({ trackClass }) => trackClass !== "audio" && (trackClass === undefined || !isWithin(trackClass, ceiling)),
  );
  const manifests = pack.manifests.filter((manifest) => {
    return manifest.ceiling === undefined || !isWithin(manifest.ceiling, ceiling);
  });
  return [...new Set([...tracks, ...manifests].map(({ path }) => stem(path)))];
}

/** Whether a file is none of those that are denied by name. */
export function isAdmitted(file: string, denied: readonly string[]): boolean {
  return !denied.includes(stem(file));
}

function stem(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.indexOf(".");
  return dot === -1 ? name : name.slice(0, dot);
}
