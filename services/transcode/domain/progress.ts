/** How far a job is: percent of its work, speed, and when it will be done. */

import type { Job, JobState, Track, Waiting } from "./job.ts";

/** What a job's task rows add up to. */
export interface WorkDone {
  readonly totalCost: number;
  readonly doneCost: number;
  /** Work done in this attempt, and the seconds that workers spent on it. */
  readonly timedCost: number;
  readonly timedSeconds: number;
  readonly activeWorkers: number;
  /** Seconds of film in a second, over the tasks being worked on. */
  readonly speed: number;
}

export interface Progress {
  readonly percent: number;
  readonly speed: number;
  readonly etaSeconds: number | undefined;
  readonly activeWorkers: number;
}

/** A track as a person watches it grow. */
export interface RenditionView {
  readonly track: Track;
  readonly state: "pending" | "running" | "ready" | "failed";
  readonly percent: number;
  readonly sizeBytes: number;
}

/** Everything that is shown about a job. */
export interface JobView {
  readonly job: Job;
  readonly progress: Progress;
  readonly renditions: readonly RenditionView[];
  /** What a task of it waits for. */
  readonly waiting: Waiting | undefined;
}

/** Too little to tell the rest from. */
const MIN_TIMED_SECONDS = 2;

export function progressOf(state: JobState, done: WorkDone): Progress {
  if (state === "succeeded") return { percent: 100, speed: 0, etaSeconds: 0, activeWorkers: 0 };
  const share = done.totalCost > 0 ? Math.min(1, done.doneCost / done.totalCost) : 0;
  // 100 is kept for what is stored and joined.
  const percent = Math.min(99.9, Math.round(share * 1000) / 10);
  if (state !== "running") return { percent, speed: 0, etaSeconds: undefined, activeWorkers: 0 };
  const perWorker = done.timedSeconds >= MIN_TIMED_SECONDS ? done.timedCost / done.timedSeconds : 0;
  const left = Math.max(0, done.totalCost - done.doneCost);
  const rate = perWorker * done.activeWorkers;
  return {
    percent,
    speed: Math.round(done.speed * 100) / 100,
    etaSeconds: rate > 0 ? Math.ceil(left / rate) : undefined,
    activeWorkers: done.activeWorkers,
  };
}
