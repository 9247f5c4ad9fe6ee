/** What the installed FFmpeg can do. It reads no media, so fluent-ffmpeg's own runner and parser are good for it. */

import ffmpeg from "fluent-ffmpeg";

let zscale: Promise<boolean> | undefined;

/** Whether HDR can be tone-mapped: zscale and tonemap are there. Asked once per process. */
export function canToneMap(): Promise<boolean> {
  zscale ??= new Promise((resolve) => {
    ffmpeg.getAvailableFilters((error, filters) => {
      resolve(!error && filters !== undefined && "zscale" in filters && "tonemap" in filters);
    });
  });
  return zscale;
}
