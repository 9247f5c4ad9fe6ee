/** Completed uploads: joined, verified, probed, and archived or refused. */

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BlobInfo, BlobStore } from "#pkg/blobstore/blobstore";
import type { Clock } from "#pkg/clock/clock";
import { AppError, isAppError } from "#pkg/errors/errors";
import { isOutOfSpace, outOfSpace } from "#pkg/errors/space";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { type HeldLease, holdLeaseFor } from "#pkg/work/lease";
import { originalKey } from "./domain/asset.ts";
import type { Media } from "./domain/media.ts";
import { missingParts } from "./domain/upload.ts";
import { errors } from "./errors.ts";
import type { IngestionEvents } from "./events.ts";
import type { AssetStore } from "./store/asset-store.ts";
import type { PurgeStore } from "./store/purge-store.ts";
import type { Inspection, UploadStore } from "./store/upload-store.ts";

export interface InspectionsOptions {
  readonly db: Db;
  readonly assets: AssetStore;
  readonly uploads: UploadStore;
  readonly purges: PurgeStore;
  readonly originals: BlobStore;
  readonly events: IngestionEvents;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is in the file. Throws `invalid_argument` where the file is at fault. */
  readonly probe: (path: string, signal: AbortSignal) => Promise<Media>;
  /** A folder for files that live as long as an inspection. */
  readonly scratch: string;
  readonly leaseMs: number;
  /** How often a file that the tools fail on is tried before it is refused. */
  readonly maxAttempts: number;
}

/** What the inspection of a file found. */
type Verdict =
  | { readonly kind: "accepted"; readonly sha256: string; readonly media: Media }
  | { readonly kind: "refused"; readonly error: AppError };

/** Looking by time as well covers notifications that were lost. */
const POLL_MS = 5000;
const SPACE_RETRY_MS = 2000;
const RETRY_MS = { first: 500, most: 60_000 };

export class Inspections {
  readonly #options: InspectionsOptions;

  constructor(options: InspectionsOptions) {
    this.#options = options;
  }

  /** Inspects one upload. Says `again` where it did, else in how many milliseconds to look again. */
  async inspectNext(signal: AbortSignal): Promise<"again" | number> {
    const { uploads, clock, leaseMs } = this.#options;
    const now = clock.now();
    const inspection = await uploads.claim(now, leaseMs);
    if (inspection === undefined) {
      const due = await uploads.nextDue();
      return due === undefined ? POLL_MS : Math.min(POLL_MS, Math.max(10, due.getTime() - now.getTime()));
    }
    await this.#inspect(inspection, signal);
    return "again";
  }

  async #inspect(inspection: Inspection, signal: AbortSignal): Promise<void> {
    await using lease = this.#hold(inspection);
    let verdict: Verdict;
    try {
      verdict = await this.#judge(inspection, AbortSignal.any([signal, lease.lost]));
    } catch (error) {
      await lease[Symbol.asyncDispose]();
      await this.#retryLater(inspection, error, signal);
      return;
    }
    await this.#conclude(inspection, verdict);
  }

  async #judge(inspection: Inspection, signal: AbortSignal): Promise<Verdict> {
    const { upload, attempt } = inspection;
    const blob = await this.#joined(inspection);
    signal.throwIfAborted();
    if (blob instanceof AppError) return { kind: "refused", error: blob };
    const sha256 = blob.sha256 ?? (await this.#hash(blob.key, signal));
    if (sha256 !== upload.sha256)
      return { kind: "refused", error: errors.UPLOAD_CHECKSUM_MISMATCH(upload.sha256, sha256) };
    try {
      return { kind: "accepted", sha256, media: await this.#probe(inspection, signal) };
    } catch (error) {
      if (isAppError(error) && error.kind === "invalid_argument" && error.reason.startsWith("MEDIA_")) {
        return { kind: "refused", error };
      }
      const most = isAppError(error, TIMEOUT) ? MAX_LATE_ATTEMPTS : this.#options.maxAttempts;
      if (signal.aborted || !blamesFile(error) || attempt < Math.min(most, this.#options.maxAttempts)) throw error;
      return { kind: "refused", error: errors.INSPECTION_FAILED(attempt, error) };
    }
  }

  /** The whole object: the one that an earlier attempt joined, or one made of the parts now. An error where it never can be. */
  async #joined({ upload }: Inspection): Promise<BlobInfo | AppError> {
    const { originals } = this.#options;
    const key = originalKey(upload.assetId);
    const made = await originals.find(key);
    if (upload.multipartId === undefined) throw new Error("a completed upload has no parts");
    if (made === undefined) {
      const parts = await originals.listParts(key, upload.multipartId);
      // Nobody is told to send them any more, so trying again would never end.
      const missing = missingParts(upload, parts);
      if (missing.length > 0) return errors.UPLOAD_PARTS_LOST(missing);
      return originals.completeMultipart(key, upload.multipartId, parts);
    }
    await originals.abortMultipart(key, upload.multipartId);
    return made;
  }

  async #hash(key: string, signal: AbortSignal): Promise<string> {
    const hash = createHash("sha256");
    const { body } = await this.#options.originals.get(key, { signal });
    for await (const chunk of body) hash.update(chunk);
    return hash.digest("hex");
  }

  async #probe({ upload }: Inspection, signal: AbortSignal): Promise<Media> {
    const { originals, probe, scratch } = this.#options;
    const folder = await mkdtemp(join(scratch, "inspect-"));
    try {
      const path = join(folder, "original");
      await originals.getFile(originalKey(upload.assetId), path, { signal });
      return await probe(path, signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Writes the verdict, unless another worker has taken the upload over or it was deleted meanwhile. */
  async #conclude(inspection: Inspection, verdict: Verdict): Promise<void> {
    const { db, assets, uploads, purges, events, clock, log, leaseMs } = this.#options;
    const { upload, attempt } = inspection;
    const written = await db.tx(async (tx) => {
      const now = clock.now();
      if (!(await uploads.finish(tx, inspection))) return false;
      if (verdict.kind === "accepted") {
        await events.assetIngested(tx, await assets.markReady(tx, upload.assetId, verdict, now));
        return true;
      }
      const { reason, message } = verdict.error;
      const asset = await assets.markRejected(tx, upload.assetId, { reason, message }, now);
      // A worker that lost its lease may still be joining the parts.
      const until = attempt === 1 ? now : new Date(now.getTime() + leaseMs);
      await purges.add(tx, { assetId: asset.id, multipartId: upload.multipartId, until }, now);
      await events.assetRejected(tx, asset, { reason, message });
      return true;
    });
    if (!written) log.info({ uploadId: upload.id }, "an inspection was overtaken");
  }

  async #retryLater(inspection: Inspection, error: unknown, signal: AbortSignal): Promise<void> {
    const { uploads, clock, log } = this.#options;
    const { upload, attempt } = inspection;
    const stopping = signal.aborted;
    if (!stopping && isOutOfSpace(error)) return this.#waitForSpace(inspection, error);
    const backoffMs = stopping ? 0 : Math.min(RETRY_MS.first * 2 ** (attempt - 1), RETRY_MS.most);
    if (!stopping) {
      log.warn(
        { uploadId: upload.id, attempt, retryInMs: backoffMs, err: error },
        "an inspection failed; trying again",
      );
    }
    const dueAt = new Date(clock.now().getTime() + backoffMs);
    await uploads.release(inspection, dueAt, blamesFile(error) && !stopping ? "counted" : "uncounted");
  }

  /** Nothing is wrong with the file: it is inspected once there is room, however long that takes. */
  async #waitForSpace(inspection: Inspection, error: unknown): Promise<void> {
    const { uploads, clock, events } = this.#options;
    const { reason, message } = isAppError(error) ? error : outOfSpace("ingestion's scratch folder", error);
    const waiting = { reason, message };
    const dueAt = new Date(clock.now().getTime() + SPACE_RETRY_MS);
    const { isNews } = await uploads.release(inspection, dueAt, "uncounted", waiting);
    if (isNews) events.inspectionWaits(inspection.upload, waiting);
  }

  #hold(inspection: Inspection): HeldLease {
    const { uploads, clock, leaseMs, log } = this.#options;
    return holdLeaseFor({
      clock,
      leaseMs,
      renew: (until) => uploads.renew(inspection, until),
      onFailure: (error) =>
        log.debug({ uploadId: inspection.upload.id, reason: String(error) }, "a lease could not be renewed"),
    });
  }
}

/** True for failures of the tools on this file; what else fails, fails for every file, and no file is refused for it. */
function blamesFile(error: unknown): boolean {
  return isAppError(error) && FILE_FAILURES.has(error.reason);
}

const TIMEOUT = "MEDIA_TOOL_TIMEOUT";
/** Each of them costs as much as an inspection ever may; a machine that was merely busy gets a second chance. */
const MAX_LATE_ATTEMPTS = 2;
const FILE_FAILURES: ReadonlySet<string> = new Set(["MEDIA_TOOL_FAILED", TIMEOUT, "MEDIA_OUTPUT_TOO_LARGE"]);
