/** What the installed FFmpeg can do. */

import { runTool } from "./ffmpeg.ts";

let zscale: Promise<boolean> | undefined;

/** Whether HDR can be tone-mapped: zscale and tonemap are there. Asked once per process. */
export function canToneMap(): Promise<boolean> {
  zscale ??= runTool({ tool: "ffmpeg", args: ["-v", "error", "-filters"] }).then(({ stdout }) =>
    ["zscale", "tonemap"].every((name) => new RegExp(`^ \\S+ ${name} `, "m").test(stdout)),
  );
  return zscale;
}
