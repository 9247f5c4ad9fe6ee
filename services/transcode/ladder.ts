/** The renditions that a film is good for, from the media library's ladder. */

import { buildLadder } from "#pkg/media/ladder";
import type { Rung, SourceMedia } from "./domain/source.ts";

/** From the lowest up; none above the source, none above `maxHeight`. */
export function ladderOf(video: SourceMedia["video"], maxHeight: number): readonly Rung[] {
  const { width, height, frameRate } = video;
  return buildLadder({ displayWidth: width, displayHeight: height, frameRate }, { maxHeight });
}
