/** From a file to a film in the catalogue: upload, inspection, transcoding, packaging and, where asked, publishing. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { newRequestId, nowMs, sleep } from "./clock.ts";
import { assetRejected, canceled, isCanceled, type MatineeError, packageFailed, toMatineeError } from "./errors.ts";
import { CatalogService } from "./gen/matinee/catalog/v1/catalog_service_pb.ts";
import {
  AvailabilityWindow_BusinessModel,
  type Title,
  Title_Kind,
  Title_State,
  TitleSchema,
} from "./gen/matinee/catalog/v1/title_pb.ts";
import type { Protection } from "./gen/matinee/common/v1/media_pb.ts";
import { type Asset, Asset_State } from "./gen/matinee/ingestion/v1/asset_pb.ts";
import { IngestionService } from "./gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { type Package, Package_State } from "./gen/matinee/packager/v1/package_pb.ts";
import { PackagerService } from "./gen/matinee/packager/v1/packager_service_pb.ts";
import { type Job, Job_State } from "./gen/matinee/transcode/v1/job_pb.ts";
import { TranscodeService } from "./gen/matinee/transcode/v1/transcode_service_pb.ts";
import type { FileSource } from "./hashing.ts";
import { assertSucceeded, hasEnded, waitForJob, watchJob } from "./jobs.ts";
import type { Platform } from "./platform.ts";
import { type UploadProgress, uploadFile, uploadKeyOf } from "./upload.ts";
import { memoryStateStore, type StateStore, type UploadState } from "./upload-state.ts";

const LOOK_AGAIN_MS = 200;
/** Between looks for a package while the job has nothing new for one. */
const LOOK_SELDOM_MS = 3_000;
/** By then the job has heard of a package's failure, and runs again where it can help. */
const FAILED_FOR_GOOD_MS = 10_000;

/**
 * What an import remembers, also after its end, so that another call with the same file goes on where it stopped and makes
 * neither a second film nor a second title.
 */
export interface ImportState {
  /** `assets/{uuid}`, once every byte is stored. */
  readonly asset?: string;
  readonly titleRequestId: string;
  /** What the title was to be called. */
  readonly displayTitle?: string;
}

/** Where the import is. Steps come in this order; "transcode" and "package" overlap. */
export type ImportEvent =
  | { readonly step: "upload"; readonly upload: UploadProgress }
  | { readonly step: "inspect"; readonly asset: string }
  | { readonly step: "inspected"; readonly asset: Asset }
  | { readonly step: "title"; readonly title: Title }
  | { readonly step: "transcode"; readonly job: Job }
  | { readonly step: "package" }
  | { readonly step: "playable"; readonly package: Package }
  | { readonly step: "published"; readonly title: Title }
  | { readonly step: "complete"; readonly package: Package };

export interface ImportOptions {
  readonly source: FileSource;
  /** Encrypted (`cbcs`) unless said. */
  readonly protection?: Protection;
  /** Makes a title of it; its `asset` is filled in. */
  readonly title?: MessageInitShape<typeof TitleSchema>;
  /** Puts the title into the catalogue as soon as it can be played. */
  readonly publish?: boolean;
  readonly uploads?: StateStore<UploadState>;
  readonly imports?: StateStore<ImportState>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ImportEvent) => void;
  /** Returns after this step. "complete" unless said. */
  readonly until?: "upload" | "playable" | "complete";
}

export interface ImportResult {
  /** `assets/{uuid}`. */
  readonly asset: string;
  readonly title: Title | undefined;
  readonly package: Package | undefined;
}

/**
 * Imports one film; the caller needs to be an operator. Calling it again with the same file, after any interruption,
 * goes on where it stopped, and runs again what had failed before; a film that is in already is left as it is. Throws MatineeError with the service's reason: of the rejection, of the failed job, or of
 * the failed packaging.
 */
export async function importFilm(platform: Platform, options: ImportOptions): Promise<ImportResult> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  try {
    return await run(platform, options, signal);
  } catch (error) {
    if (isCanceled(error)) throw canceled(error);
    throw toMatineeError(error);
  } finally {
    stop.abort();
  }
}

async function run(platform: Platform, options: ImportOptions, signal: AbortSignal): Promise<ImportResult> {
  const { source, until = "complete" } = options;
  const imports = options.imports ?? memoryStateStore<ImportState>();
  const key = uploadKeyOf(source, options.protection);
  const emit = (event: ImportEvent) => options.onEvent?.(event);

  const displayTitle = options.title?.displayTitle;
  const known = await imports.load(key);
  let state: ImportState = known ?? { titleRequestId: newRequestId() };
  // Another name asks for another title of the same film.
  if (displayTitle !== undefined && state.displayTitle !== undefined && state.displayTitle !== displayTitle) {
    state = { ...state, titleRequestId: newRequestId() };
  }
  if (displayTitle !== undefined) state = { ...state, displayTitle };
  await imports.save(key, state);
  let asset = state.asset === undefined ? undefined : await findAsset(platform, state.asset, signal);
  if (asset === undefined) {
    const { uploads } = options;
    // The upload is forgotten only when the import knows its asset: a client killed in between must not send it again.
    const states = uploads && { ...uploads, remove: async () => undefined };
    if (state.asset !== undefined) {
      // It is gone, and whatever title it had with it: both are made anew.
      await uploads?.remove(key);
      const { asset: _gone, ...rest } = state;
      state = { ...rest, titleRequestId: newRequestId() };
      await imports.save(key, state);
    }
    const uploaded = await uploadFile(platform, {
      source,
      signal,
      ...(options.protection === undefined ? {} : { protection: options.protection }),
      ...(states === undefined ? {} : { states }),
      onProgress: (upload) => emit({ step: "upload", upload }),
    });
    state = { ...state, asset: uploaded.asset };
    await imports.save(key, state);
    await uploads?.remove(key);
    asset = await loadAsset(platform, uploaded.asset, signal);
  }
  const { name } = asset;
  emit({ step: "inspect", asset: name });
  if (until === "upload" && options.title === undefined) return { asset: name, title: undefined, package: undefined };

  asset = await waitForInspection(platform, asset, signal);
  if (asset.state !== Asset_State.READY) {
    // A rejected file is done with: the next try begins anew. A service that cannot be reached has rejected nothing.
    await imports.remove(key);
    throw rejectionOf(asset);
  }
  emit({ step: "inspected", asset });

  let title = options.title === undefined ? undefined : await ensureTitle(platform, options.title, name, state, signal);
  if (options.title !== undefined && title?.state === Title_State.DELETED) {
    // Somebody deleted it; who imports again wants it again.
    state = { ...state, titleRequestId: newRequestId() };
    await imports.save(key, state);
    title = await ensureTitle(platform, options.title, name, state, signal);
  }
  if (title !== undefined) emit({ step: "title", title });
  if (until === "upload") return { asset: name, title, package: undefined };

  await runFailedAgain(platform, name, signal);
  const packages = watchPackages(platform, name, signal);
  const job = followJob(platform, name, signal, (event) => {
    if (event.step === "transcode") packages.expect(event.job);
    emit(event);
  });
  // Awaited below; until then a failure must not count as unhandled.
  job.catch(() => undefined);

  let revision = await untilOrFailure(packages.playable, job);
  emit({ step: "playable", package: revision });
  if (title !== undefined && options.publish === true) {
    title = await publish(platform, title, signal);
    emit({ step: "published", title });
  }
  if (until === "complete") {
    revision = await untilOrFailure(packages.complete, job);
    emit({ step: "complete", package: revision });
  }
  return { asset: name, title, package: revision };
}

/** What failed before this call began is tried again, for that is what the call is for; what fails in it is reported. */
async function runFailedAgain(platform: Platform, asset: string, signal: AbortSignal): Promise<void> {
  const transcode = platform.client(TranscodeService);
  const { jobs } = await transcode.listJobs({ asset, pageSize: 1 }, { signal });
  const [job] = jobs;
  if (job?.state === Job_State.FAILED || job?.state === Job_State.CANCELED) {
    await transcode.retryJob({ name: job.name }, { signal });
    return;
  }
  const packager = platform.client(PackagerService);
  const { packages } = await packager.listPackages({ asset, pageSize: 10 }, { signal });
  const [newest] = packages;
  if (newest?.state !== Package_State.FAILED) return;
  await packager.retryPackage({ name: newest.name }, { signal });
}

async function loadAsset(platform: Platform, name: string, signal: AbortSignal): Promise<Asset> {
  const { asset } = await platform.client(IngestionService).getAsset({ name }, { signal });
  if (asset === undefined) throw assetRejected("ASSET_MISSING", "The service does not know this film any more.");
  return asset;
}

/** Undefined where it is gone, so that the film is imported anew. */
async function findAsset(platform: Platform, name: string, signal: AbortSignal): Promise<Asset | undefined> {
  try {
    const asset = await loadAsset(platform, name, signal);
    return asset.state === Asset_State.DELETED || asset.state === Asset_State.REJECTED ? undefined : asset;
  } catch (error) {
    if (toMatineeError(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

/** Resolves with the asset as soon as it is judged. */
async function waitForInspection(platform: Platform, asset: Asset, signal: AbortSignal): Promise<Asset> {
  for (let current = asset; ; current = await loadAsset(platform, asset.name, signal)) {
    if (![Asset_State.UPLOADING, Asset_State.INSPECTING].some((state) => state === current.state)) return current;
    await sleep(LOOK_AGAIN_MS, signal);
  }
}

function rejectionOf(asset: Asset): MatineeError {
  if (asset.state === Asset_State.DELETED) return assetRejected("ASSET_WAS_DELETED", "The film was deleted.");
  const { reason, message } = asset.rejection ?? { reason: "ASSET_REJECTED", message: "The file was refused." };
  return assetRejected(reason, message);
}

/** A movie for subscribers, where it does not say otherwise. */
export function toMovie(wanted: MessageInitShape<typeof TitleSchema>): Title {
  const title = create(TitleSchema, { kind: Title_Kind.MOVIE, ...wanted });
  for (const window of title.availabilityWindows) {
    window.businessModel ||= AvailabilityWindow_BusinessModel.SUBSCRIPTION;
  }
  return title;
}

async function ensureTitle(
  platform: Platform,
  wanted: MessageInitShape<typeof TitleSchema>,
  asset: string,
  state: ImportState,
  signal: AbortSignal,
): Promise<Title> {
  const { title } = await platform
    .client(CatalogService)
    .createTitle({ title: { ...toMovie(wanted), asset }, requestId: state.titleRequestId }, { signal });
  if (title === undefined) throw assetRejected("TITLE_MISSING", "The service made no title.");
  return title;
}

async function publish(platform: Platform, title: Title, signal: AbortSignal): Promise<Title> {
  if (title.state === Title_State.PUBLISHED) return title;
  const answer = await platform.client(CatalogService).publishTitle({ name: title.name }, { signal });
  return answer.title ?? title;
}

/** Resolves with the job once it succeeded; rejects with its failure. */
async function followJob(
  platform: Platform,
  asset: string,
  signal: AbortSignal,
  emit: (event: ImportEvent) => void,
): Promise<Job> {
  let job = await waitForJob(platform, asset, signal);
  emit({ step: "transcode", job });
  if (!hasEnded(job)) {
    for await (const next of watchJob(platform, job.name, signal)) {
      job = next;
      emit({ step: "transcode", job });
    }
  }
  assertSucceeded(job);
  if (job.state === Job_State.SUCCEEDED) emit({ step: "package" });
  return job;
}

/** The first of: the revision, or a failure of the job. A succeeded job leaves the wait to the revision. */
function untilOrFailure(revision: Promise<Package>, job: Promise<Job>): Promise<Package> {
  return Promise.race([revision, job.then(() => revision)]);
}

interface PackageWatch {
  readonly playable: Promise<Package>;
  readonly complete: Promise<Package>;
  /** Says how far the job is: a package that is due is looked for often, and one that is not, seldom. */
  expect(job: Job): void;
}

/** Looks at the asset's packages until one is complete; shared by both promises. */
function watchPackages(platform: Platform, asset: string, signal: AbortSignal): PackageWatch {
  const playable = newPromise<Package>();
  const complete = newPromise<Package>();
  let job: Job | undefined;
  let isPlayable = false;
  let failedSinceMs: number | undefined;
  const isDue = () => job === undefined || hasEnded(job) || (job.isFirstPlayable && !isPlayable);
  let hurry = () => {};
  const look = async () => {
    for (;;) {
      const { packages } = await platform.client(PackagerService).listPackages({ asset, pageSize: 10 }, { signal });
      const ready = packages.filter(({ state }) => state === Package_State.READY);
      isPlayable = ready[0] !== undefined;
      if (ready[0] !== undefined) playable.resolve(ready[0]);
      const whole = ready.find(({ isComplete }) => isComplete);
      if (whole !== undefined) return complete.resolve(whole);
      const newest = packages[0];
      if (newest?.state !== Package_State.FAILED) failedSinceMs = undefined;
      else if (!(await isMadeAnew(platform, asset, signal))) {
        failedSinceMs ??= nowMs();
        if (nowMs() - failedSinceMs > FAILED_FOR_GOOD_MS) throw packageFailed(newest);
      }
      const rest = new AbortController();
      hurry = () => rest.abort();
      await sleep(isDue() ? LOOK_AGAIN_MS : LOOK_SELDOM_MS, AbortSignal.any([signal, rest.signal])).catch((error) => {
        if (signal.aborted) throw error;
      });
    }
  };
  look().catch((error: unknown) => {
    playable.reject(error);
    complete.reject(error);
  });
  return {
    playable: playable.promise,
    complete: complete.promise,
    expect(next) {
      const wasDue = isDue();
      job = next;
      if (isDue() && !wasDue) hurry();
    },
  };
}

/** A rendition that the packager cannot read is encoded again by itself; then the failure is not the last word. */
async function isMadeAnew(platform: Platform, asset: string, signal: AbortSignal): Promise<boolean> {
  const { jobs } = await platform.client(TranscodeService).listJobs({ asset, pageSize: 1 }, { signal });
  const [job] = jobs;
  if (job === undefined) return false;
  if (!hasEnded(job)) return true;
  assertSucceeded(job);
  return false;
}

interface OpenPromise<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function newPromise<T>(): OpenPromise<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  // Nobody may be waiting when it is rejected.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
