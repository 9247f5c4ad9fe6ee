/** Whether what a worker hands in is what its task asked for. */

import type { Blob, Job, TaskOutput, VideoSpan, Work } from "./job.ts";

/** What is wrong, for the log; undefined where all is right. */
export function findMistake(
  job: Pick<Job, "assetId" | "frameCount">,
  task: { readonly work: Work; readonly tracks: readonly string[] },
  outputs: readonly TaskOutput[],
): string | undefined {
  const { work } = task;
  const isPosters = work.kind === "take_posters";
  const store = isPosters ? "images" : "mezzanine";
  for (const { blob, track } of outputs) {
    if (blob.store !== store) return `${track} is in the store "${blob.store}" instead of "${store}"`;
    if (!blob.key.startsWith(`${job.assetId}/`)) return `${track} is stored with another asset`;
  }
  if (isPosters) return undefined;
  const wanted = work.kind === "encode_video" ? work.targets.map((target) => target.track) : [work.track];
  const got = outputs.map((output) => output.track);
  // A text track without cues is handed in without a file.
  if (work.kind === "extract_text" && got.length === 0) return undefined;
  if (got.length !== wanted.length || new Set(got).size !== got.length || !wanted.every((id) => got.includes(id))) {
    return `tracks ${got.join(", ") || "none"} instead of ${wanted.join(", ")}`;
  }
  const frames = framesOf(work, job.frameCount);
  const wrong = outputs.find((output) => frames !== undefined && output.frameCount !== frames);
  if (wrong !== undefined) return `${wrong.track} has ${wrong.frameCount} frames instead of ${frames}`;
  return undefined;
}

/** Spans that cover the film without a gap, as a join needs them; undefined where they do not. */
export function spansInOrder(
  spans: readonly { readonly firstFrame: number; readonly output: TaskOutput }[],
  frameCount: number,
): VideoSpan[] | undefined {
  let next = 0;
  for (const { firstFrame, output } of spans) {
    if (firstFrame !== next) return undefined;
    next += output.frameCount;
  }
  if (next !== frameCount) return undefined;
  return spans.map(({ output }): VideoSpan => ({ blob: output.blob as Blob, frameCount: output.frameCount }));
}

function framesOf(work: Work, filmFrames: number): number | undefined {
  if (work.kind === "encode_video") return work.frameCount;
  return work.kind === "join_video" ? filmFrames : undefined;
}
