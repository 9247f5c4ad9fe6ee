/** Whether the media tools are here, and with which rights they run: found out at the start and said in the log. */

import type { Logger } from "#pkg/obs/obs";
import { describeConfinement, findConfinement } from "#pkg/process/confinement";
import { errors } from "./errors.ts";
import { runTool, type Tool } from "./ffmpeg.ts";

/** What films are encoded with. */
export const ENCODERS = ["libx264", "aac", "mjpeg", "libwebp", "webvtt"] as const;
const TRIAL_MS = 30_000;

/**
 * Throws `MEDIA_TOOL_MISSING`, and `MEDIA_TOOL_LACKS` where one of the encoders is not in this FFmpeg. Says in the log which
 * versions there are and how far their rights can be taken away, as a warning where that is not all of the way.
 */
export async function openTools(tools: readonly Tool[], encoders: readonly string[], log: Logger): Promise<void> {
  const confinement = await findConfinement();
  const versions: Record<string, string> = {};
  for (const tool of tools) {
    const { stdout } = await runTool({ tool, args: ["-version"], timeoutMs: TRIAL_MS });
    versions[tool] = /version (\S+)/.exec(stdout)?.[1] ?? "unknown";
  }
  if (encoders.length > 0) {
    const { stdout } = await runTool({ tool: "ffmpeg", args: ["-v", "error", "-encoders"], timeoutMs: TRIAL_MS });
    const missing = encoders.filter((name) => !new RegExp(`^ \\S+ ${name} `, "m").test(stdout));
    if (missing.length > 0) throw errors.MEDIA_TOOL_LACKS("ffmpeg", missing);
  }
  const said = { ...versions, run: describeConfinement(confinement) };
  if (confinement.lacks.length === 0) log.info(said, "media tools found");
  else log.warn(said, "media tools found, and they run with more rights than they need");
}
