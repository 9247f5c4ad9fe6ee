/** Takes revisions one after the other and packages them, so that each ends ready or failed whatever dies in between. */

import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Clock } from "#pkg/clock/clock";
import { type AppError, isAppError, isRetryable } from "#pkg/errors/errors";
import { isOutOfSpace, outOfSpace } from "#pkg/errors/space";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { type HeldLease, holdLeaseFor } from "#pkg/work/lease";
import { looping } from "#pkg/work/loop";
import type { RevisionOutput } from "./domain/revision.ts";
import { errors } from "./errors.ts";
import type { PackagerEvents } from "./events.ts";
import { folderKey, type PackagingRun } from "./run.ts";
import type { Lease, LeaseStore } from "./store/lease-store.ts";

export interface WorkerOptions {
  readonly db: Db;
  readonly leases: LeaseStore;
  readonly events: Pick<PackagerEvents, "packaged" | "failed" | "waits">;
  /** Packages one revision into the run's folder. */
  readonly packageRevision: (run: PackagingRun, signal: AbortSignal) => Promise<RevisionOutput>;
  /** The tracks of a revision that cannot be packaged, each by itself. */
  readonly findUnreadable: (run: PackagingRun, signal: AbortSignal) => Promise<readonly string[]>;
  readonly packaged: BlobStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  /** How long to wait for a service or a store that does not answer. */
  readonly unavailableDelayMs: number;
  readonly sweepEveryMs: number;
}

/** Looking by time as well covers hints that were lost, and leases that ran out. */
const POLL_MS = 2000;
const MAX_RETRY_DELAY_MS = 600_000;
const SWEEP_BATCH = 100;

export class PackagerWorker {
  readonly #options: WorkerOptions;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Works until the signal is aborted; what it was doing then is given back at once. */
  async run(signal: AbortSignal): Promise<void> {
    const { db, clock, log, leases, leaseMs } = this.#options;
    const work = async () => {
      const lease = await leases.take(leaseMs);
      if (lease === undefined) return POLL_MS;
      await this.#work(lease, signal);
      return "again";
    };
    const listen = (wake: (payload: string) => void, until: AbortSignal) => db.listen("revisions", wake, until);
    await looping("packager", work, { clock, log, listen }).run(signal);
  }

  /** Deletes what dead runs and deleted assets have left in the packaged store, until the signal is aborted. */
  async runSweep(signal: AbortSignal): Promise<void> {
    const { clock, log, sweepEveryMs } = this.#options;
    const work = async () => ((await this.sweep()) === SWEEP_BATCH ? "again" : sweepEveryMs);
    await looping("packager sweep", work, { clock, log }).run(signal);
  }

  /** One round of the sweep; answers how many folders it removed. */
  async sweep(): Promise<number> {
    const { leases, packaged, log } = this.#options;
    const folders = await leases.looseFolders(SWEEP_BATCH);
    for (const folder of folders) {
      await packaged.deletePrefix(folderKey(folder));
      await leases.forget(folder);
      log.info(folder, "left-over of a packaging run removed");
    }
    return folders.length;
  }

  async #work(lease: Lease, signal: AbortSignal): Promise<void> {
    const { maxAttempts, log } = this.#options;
    const { packageId, revision } = lease.revision;
    const about = { packageId, revision, attempt: lease.attempt, folder: lease.folder };
    // A run that took its process with it has left no error behind; it must not do so for ever.
    if (lease.attempt > maxAttempts) return this.#giveUp(lease, errors.PACKAGER_INTERRUPTED(maxAttempts), []);
    log.info(about, "packaging begins");
    await using held = this.#hold(lease);
    const stop = AbortSignal.any([signal, held.lost]);
    const startedAtMs = performance.now();
    try {
      const output = await this.#options.packageRevision({ revision: lease.revision, folder: lease.folder }, stop);
      await this.#succeed(lease, output, performance.now() - startedAtMs);
    } catch (error) {
      await this.#discard(lease);
      if (signal.aborted) await this.#options.leases.giveBack(lease, 0, "does not count");
      else if (held.lost.aborted) log.warn(about, "packaging was taken over by another process");
      else await this.#afterFailure(lease, error, stop);
    }
  }

  async #succeed(lease: Lease, output: RevisionOutput, tookMs: number): Promise<void> {
    const { db, leases, events, clock } = this.#options;
    const readyAt = clock.now();
    const isOurs = await db.tx(async (tx) => {
      if (!(await leases.succeed(tx, lease, output, readyAt))) return false;
      await events.packaged(
        tx,
        { ...lease.revision, state: "ready", output, readyAt, failure: undefined, waiting: undefined },
        Math.round(tookMs),
      );
      return true;
    });
    if (!isOurs) await this.#discard(lease);
  }

  async #afterFailure(lease: Lease, error: unknown, signal: AbortSignal): Promise<void> {
    const { leases, maxAttempts, retryDelayMs, unavailableDelayMs, log } = this.#options;
    if (isOutOfSpace(error)) return this.#waitForSpace(lease, error);
    if (isRetryable(error)) {
      log.warn({ err: error, folder: lease.folder }, "packaging waits for what does not answer");
      await leases.giveBack(lease, unavailableDelayMs, "does not count");
      return;
    }
    const failure = isAppError(error) ? error : errors.PACKAGING_FAILED(error);
    let unreadable: readonly string[];
    try {
      unreadable = await this.#options.findUnreadable({ revision: lease.revision, folder: lease.folder }, signal);
    } catch (cause) {
      if (isOutOfSpace(cause)) return this.#waitForSpace(lease, cause);
      log.warn({ err: cause, folder: lease.folder }, "it could not be told which track is at fault");
      unreadable = [];
    }
    const isHopeless = failure.kind === "failed_precondition" || failure.kind === "not_found" || unreadable.length > 0;
    if (isHopeless || lease.attempt >= maxAttempts) return this.#giveUp(lease, failure, unreadable);
    const delayMs = Math.min(retryDelayMs * 2 ** (lease.attempt - 1), MAX_RETRY_DELAY_MS);
    log.warn({ err: error, folder: lease.folder, delayMs }, "packaging failed; trying again");
    await leases.giveBack(lease, delayMs, "counts");
  }

  /** Nothing has failed: it goes on by itself once there is room, however long that takes. */
  async #waitForSpace(lease: Lease, cause: unknown): Promise<void> {
    const { leases, events, unavailableDelayMs } = this.#options;
    const { reason, message } = isAppError(cause) ? cause : outOfSpace("the packager's scratch folder", cause);
    const waiting = { reason, message };
    const { isNews } = await leases.giveBack(lease, unavailableDelayMs, "does not count", waiting);
    if (isNews) events.waits(lease.revision, waiting);
  }

  async #giveUp(lease: Lease, error: AppError, unreadable: readonly string[]): Promise<void> {
    const { db, leases, events } = this.#options;
    const failure = { reason: error.reason, message: error.message };
    await db.tx(async (tx) => {
      if (await leases.fail(tx, lease, failure)) await events.failed(tx, lease.revision, failure, unreadable);
    });
  }

  /** What cannot be removed now is removed by the sweep. */
  async #discard(lease: Lease): Promise<void> {
    const folder = { ...lease.revision, folder: lease.folder };
    try {
      await this.#options.packaged.deletePrefix(folderKey(folder));
      await this.#options.leases.forget(folder);
    } catch (error) {
      this.#options.log.warn({ err: error, folder: lease.folder }, "a failed run is left to the sweep");
    }
  }

  #hold(lease: Lease): HeldLease {
    const { leases, clock, leaseMs, log } = this.#options;
    return holdLeaseFor({
      clock,
      leaseMs,
      renew: () => leases.renew(lease, leaseMs),
      onFailure: (error) => log.warn({ err: error }, "a packaging lease could not be renewed"),
    });
  }
}
