/** What a finished task changes: spans become renditions, renditions a first revision, and the last one ends the job. */

import type { Tx } from "#pkg/postgres/db";
import type { Blob, Job, TaskOutput, Track } from "./domain/job.ts";
import { spansInOrder } from "./domain/outputs.ts";
import type { TranscodeEvents } from "./events.ts";
import type { JobStore } from "./store/job-store.ts";
import type { Task } from "./store/rows.ts";
import type { TaskStore } from "./store/task-store.ts";
import type { WakeUps } from "./wake-ups.ts";

export interface ResultsOptions {
  readonly jobs: JobStore;
  readonly tasks: TaskStore;
  readonly events: TranscodeEvents;
  readonly wakeUps: WakeUps;
}

export class Results {
  readonly #options: ResultsOptions;

  constructor(options: ResultsOptions) {
    this.#options = options;
  }

  /** In the transaction that marks the task done, with the job locked. */
  async take(tx: Tx, job: Job, task: Task, outputs: readonly TaskOutput[], now: Date): Promise<void> {
    const { jobs } = this.#options;
    switch (task.work.kind) {
      case "encode_video":
        for (const track of await this.#unmade(tx, job, task.tracks)) await this.#joinIfEncoded(tx, job, track, now);
        break;
      case "take_posters":
        await jobs.setPosters(tx, job.id, distinctBlobs(outputs));
        break;
      case "extract_text": {
        const output = outputs[0];
        const isEmpty = output === undefined || output.cueCount === 0;
        if (isEmpty) await jobs.setRendition(tx, job.id, task.work.track, { state: "dropped" });
        else await this.#store(tx, job, output);
        break;
      }
      default:
        for (const output of outputs) await this.#store(tx, job, output);
    }
    await this.#settle(tx, job.id, now);
  }

  /** Where a span was encoded again for the sake of one track, the others keep what they have. */
  async #unmade(tx: Tx, job: Job, tracks: readonly string[]): Promise<string[]> {
    const renditions = await this.#options.jobs.renditions(tx, job.id);
    return tracks.filter((id) => renditions.find(({ track }) => track.id === id)?.state !== "ready");
  }

  /** Lets the join of a track begin when its last span is there. */
  async #joinIfEncoded(tx: Tx, job: Job, track: string, now: Date): Promise<void> {
    const { tasks, wakeUps } = this.#options;
    if ((await tasks.countUnencoded(tx, job.id, track)) > 0) return;
    const stored = await tasks.spans(tx, job.id, track);
    const [only] = stored;
    if (stored.length === 1 && only !== undefined) {
      // One span of the whole film is the rendition.
      await tasks.skipJoin(tx, job.id, track, now);
      await this.#store(tx, job, only.output);
      return;
    }
    const spans = spansInOrder(stored, job.frameCount);
    if (spans === undefined) throw new Error(`the spans of ${track} in job ${job.id} do not cover the film`);
    const priority = await tasks.unblockJoin(tx, job.id, track, spans, now);
    if (priority !== undefined) tx.afterCommit(() => wakeUps.send(priority, 1));
  }

  async #store(tx: Tx, job: Job, output: TaskOutput): Promise<void> {
    const { jobs } = this.#options;
    const rendition = (await jobs.renditions(tx, job.id)).find(({ track }) => track.id === output.track);
    if (rendition === undefined) throw new Error(`job ${job.id} has no track ${output.track}`);
    const track: Track = {
      ...rendition.track,
      codec: output.codec || rendition.track.codec,
      bitsPerSecond: output.bitsPerSecond,
    };
    await jobs.setRendition(tx, job.id, output.track, {
      state: "ready",
      track,
      blob: output.blob,
      frameCount: output.frameCount,
    });
  }

  /** Ends the job with its last task; before, says once that it can be watched. */
  async #settle(tx: Tx, jobId: string, now: Date): Promise<void> {
    const { jobs, tasks, events } = this.#options;
    const job = await jobs.lock(tx, jobId);
    if (job === undefined) return;
    const renditions = await jobs.renditions(tx, jobId);
    const stored = renditions.filter((rendition) => rendition.state === "ready");
    const open = await tasks.countOpen(tx, jobId);
    if (open.all === 0) {
      if (!job.isFirstPlayable) await jobs.setFirstPlayable(tx, jobId);
      await jobs.end(tx, jobId, "succeeded", undefined, now);
      await events.jobSucceeded(tx, job, stored, now);
      return;
    }
    const early = renditions.filter((rendition) => rendition.isEarly);
    const isWatchable = open.early === 0 && early.every(({ state }) => state === "ready" || state === "dropped");
    if (isWatchable && !job.isFirstPlayable) {
      await jobs.setFirstPlayable(tx, jobId);
      await events.firstPlayable(
        tx,
        job,
        stored.filter((rendition) => rendition.isEarly),
        now,
      );
    }
  }
}

/** A film with few pictures to choose from may show the same one twice. */
function distinctBlobs(outputs: readonly TaskOutput[]): Blob[] {
  return [...new Map(outputs.map(({ blob }) => [blob.key, blob])).values()];
}
