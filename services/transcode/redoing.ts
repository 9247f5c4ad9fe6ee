/** Makes renditions anew that the packager cannot read, so that a file that was stored damaged costs no film. */

import type { Inbox } from "#pkg/app/module";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Clock } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import { type FailedPackage, hasEnded, type Job } from "./domain/job.ts";
import { errors, failureOf } from "./errors.ts";
import type { TranscodeEvents } from "./events.ts";
import type { JobStore } from "./store/job-store.ts";
import type { TaskStore } from "./store/task-store.ts";
import type { WakeUps } from "./wake-ups.ts";

export interface RedoingOptions {
  readonly db: Db;
  readonly inbox: Inbox;
  readonly jobs: JobStore;
  readonly tasks: TaskStore;
  readonly wakeUps: WakeUps;
  readonly events: TranscodeEvents;
  readonly mezzanine: BlobStore;
  readonly clock: Clock;
}

/** What cannot be read after so many tries was not damaged on the way: a person has to look. */
const MAX_REDONE = 2;
const WAKE_UPS = 4;

export class Redoing {
  readonly #options: RedoingOptions;

  constructor(options: RedoingOptions) {
    this.#options = options;
  }

  /** Runs the job again for the tracks at fault; where none is, remembers that a person may run it again for all. */
  async onPackageFailed(failed: FailedPackage, eventId: string): Promise<void> {
    const { db, inbox, jobs } = this.#options;
    await db.tx(async (tx) => {
      if (!(await inbox.firstTime(tx, eventId))) return;
      const job = await jobs.lockByAsset(tx, failed.assetId);
      if (job === undefined || (await jobs.isDeleted(tx, failed.assetId))) return;
      // Two packages may have failed at one file, and the second one be heard of when it has been made anew.
      const damaged = (await jobs.renditions(tx, job.id)).filter(
        ({ track, blob, state }) =>
          state === "ready" &&
          failed.unreadable.some(({ trackId, sha256 }) => trackId === track.id && sha256 === blob?.sha256),
      );
      const tracks = damaged.map(({ track }) => track.id);
      if (tracks.length > 0) await this.#runAgain(tx, job, tracks, Math.max(...damaged.map(({ redone }) => redone)));
      else if (job.state === "succeeded" && failed.unreadable.length === 0)
        await jobs.setPackageFailure(tx, job.id, failed.reason);
    });
  }

  /** Everything that the job has stored. */
  async readyTracks(tx: Tx, job: Job): Promise<string[]> {
    const renditions = await this.#options.jobs.renditions(tx, job.id);
    return renditions.filter(({ state }) => state === "ready").map(({ track }) => track.id);
  }

  /** Takes the tracks back; what made them is done again when the job runs. */
  async undo(tx: Tx, job: Job, tracks: readonly string[]): Promise<void> {
    const { jobs, tasks, mezzanine } = this.#options;
    const undone = await tasks.redo(tx, job.id, tracks);
    await jobs.redoRenditions(tx, job.id, undone.tracks);
    // Before anybody can lease the tasks: a file whose key is its hash would be taken for the new one.
    for (const key of undone.keys) await mezzanine.delete(key);
  }

  async #runAgain(tx: Tx, job: Job, tracks: readonly string[], redone: number): Promise<void> {
    const { jobs, tasks, wakeUps, events, clock } = this.#options;
    const now = clock.now();
    await this.undo(tx, job, tracks);
    // The work is held, for whoever runs the job again.
    if (job.state === "failed" || job.state === "canceled") return;
    if (redone >= MAX_REDONE) {
      const [only = "", ...others] = tracks;
      const failure = failureOf(errors.TRANSCODE_RENDITION_UNREADABLE(tracks, redone), others.length === 0 ? only : "");
      for (const track of tracks) await jobs.setRendition(tx, job.id, track, { state: "failed" });
      await jobs.end(tx, job.id, "failed", failure, now);
      await tasks.hold(tx, job.id);
      await events.jobFailed(tx, job, failure);
      return;
    }
    if (hasEnded(job.state)) await jobs.restart(tx, job.id, now);
    await tasks.resume(tx, job.id, now);
    events.jobRedone(tx, job, tracks);
    tx.afterCommit(() => {
      wakeUps.send(0, WAKE_UPS);
      wakeUps.send(1, WAKE_UPS);
    });
  }
}
