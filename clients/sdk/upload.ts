/** Uploads a file in parts: hashed in one pass, three at a time, resumable after anything that kills the client. */

import { Code } from "@connectrpc/connect";
import { newRequestId, nowMs } from "./clock.ts";
import { canceled, hasReason, isCanceled, toMatineeError, uploadClosed } from "./errors.ts";
import { Protection } from "./gen/matinee/common/v1/media_pb.ts";
import { IngestionService } from "./gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { type Upload, Upload_State } from "./gen/matinee/ingestion/v1/upload_pb.ts";
import { type FileSource, fingerprintOf, type HashedPart, newPartHasher } from "./hashing.ts";
import { type PutPart, type SignedPut, sendPart } from "./part-sender.ts";
import type { Platform } from "./platform.ts";
import { toDate } from "./time.ts";
import { memoryStateStore, type StateStore, type UploadState } from "./upload-state.ts";

const PARALLEL_PARTS = 3;
const LIST_PAGE = 1000;

export interface UploadProgress {
  readonly phase: "hashing" | "uploading" | "completing";
  /** Bytes that the store holds or is being sent, of `totalBytes`. */
  readonly sentBytes: number;
  readonly totalBytes: number;
  /** Bytes that were stored by an earlier run. */
  readonly resumedBytes: number;
  /** Bytes a second since this run began to send; 0 while unknown. */
  readonly bytesPerSecond: number;
  /** Set while the store or the service cannot be reached and the upload waits. */
  readonly trouble: string | undefined;
}

export interface UploadOptions {
  readonly source: FileSource;
  /** Encrypted (`cbcs`) unless said. */
  readonly protection?: Protection;
  readonly states?: StateStore<UploadState>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: UploadProgress) => void;
  /** Told once the service knows the upload, before the first byte is sent. */
  readonly onOpen?: (upload: UploadResult) => void;
  /** In place of fetch or XMLHttpRequest, for tests. */
  readonly put?: PutPart;
}

export interface UploadResult {
  /** `uploads/{uuid}`. */
  readonly upload: string;
  /** `assets/{uuid}`; being inspected from here on. */
  readonly asset: string;
}

/**
 * Sends the file, or what is missing of it, and completes the upload. On an error or an abort the state stays in the
 * store, so that the next call with the same file goes on. Throws MatineeError.
 */
export async function uploadFile(platform: Platform, options: UploadOptions): Promise<UploadResult> {
  const states = options.states ?? memoryStateStore<UploadState>();
  const key = uploadKeyOf(options.source, options.protection);
  try {
    const upload = await openUpload(platform, options, states, key);
    const result = { upload: upload.name, asset: upload.asset };
    options.onOpen?.(result);
    if (upload.state === Upload_State.ACTIVE) await sendMissing(platform, options, upload);
    await states.remove(key);
    return result;
  } catch (error) {
    if (isCanceled(error)) throw canceled(error);
    throw toMatineeError(error);
  }
}

/** Gives an unfinished upload of this file up, here and on the server. */
export async function abortUpload(platform: Platform, options: UploadOptions): Promise<void> {
  const states = options.states ?? memoryStateStore<UploadState>();
  const key = uploadKeyOf(options.source, options.protection);
  const state = await states.load(key);
  await states.remove(key);
  if (state?.upload === undefined) return;
  await platform
    .client(IngestionService)
    .abortUpload({ name: state.upload })
    .catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
}

/** What an upload of this file is kept under: the same file in the clear is another upload. */
export function uploadKeyOf(source: FileSource, protection: Protection | undefined): string {
  return `${fingerprintOf(source)}|${protection === Protection.CLEAR ? "clear" : "cbcs"}`;
}

/** The upload that an earlier run began, where parts are still welcome or all arrived; else a new one. */
async function openUpload(
  platform: Platform,
  options: UploadOptions,
  states: StateStore<UploadState>,
  key: string,
): Promise<Upload> {
  const ingestion = platform.client(IngestionService);
  const { source } = options;
  const known = await states.load(key);
  if (known?.upload !== undefined) {
    const upload = await ingestion.getUpload({ name: known.upload }).then(
      (answer) => answer.upload,
      (error: unknown) => {
        if (isGone(error)) return undefined;
        throw error;
      },
    );
    const open = [Upload_State.ACTIVE, Upload_State.COMPLETING, Upload_State.COMPLETED] as unknown[];
    if (upload !== undefined && open.includes(upload.state)) return upload;
  }
  const state: UploadState = {
    requestId: known !== undefined && known.upload === undefined ? known.requestId : newRequestId(),
    fileName: source.name,
    sizeBytes: source.blob.size,
    createdMs: nowMs(),
  };
  await states.save(key, state);
  const { upload } = await ingestion.createUpload({
    fileName: source.name,
    sizeBytes: BigInt(source.blob.size),
    protection: options.protection ?? Protection.CBCS,
    requestId: state.requestId,
  });
  if (upload === undefined) throw uploadClosed("not created");
  await states.save(key, { ...state, upload: upload.name });
  return upload;
}

async function sendMissing(platform: Platform, options: UploadOptions, upload: Upload): Promise<void> {
  const ingestion = platform.client(IngestionService);
  const { source } = options;
  // One failed part ends the others.
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const stored = await listStored(platform, upload.name);
  const meter = newMeter(source.blob.size, options.onProgress);
  const hasher = await newPartHasher(source, Number(upload.partSizeBytes));
  const running = new Set<Promise<void>>();
  let failure: unknown;

  const sign = async (part: HashedPart): Promise<SignedPut> => {
    const answer = await ingestion.signUploadParts(
      { name: upload.name, parts: [{ number: part.number, sha256: part.sha256 }] },
      { signal },
    );
    const signed = answer.parts[0];
    if (signed === undefined) throw uploadClosed("not ready for this part");
    const expiresMs = toDate(signed.expireTime)?.getTime() ?? Number.POSITIVE_INFINITY;
    return { url: platform.url(signed.url), headers: signed.headers, expiresMs };
  };

  try {
    for (let part = await hasher.next(signal); part !== undefined; part = await hasher.next(signal)) {
      if (failure !== undefined) throw failure;
      if (stored.get(part.number) === part.sha256) {
        meter.resumed(part.blob.size);
        continue;
      }
      const { number } = part;
      const sending = sendPart({
        part,
        sign,
        signal,
        put: options.put,
        onBytes: (bytes) => meter.sent(number, bytes),
        onRetry: (error) => meter.trouble(error.message),
      }).then(
        () => meter.done(number, part.blob.size),
        (error: unknown) => {
          failure ??= error;
          stop.abort();
        },
      );
      running.add(sending);
      void sending.finally(() => running.delete(sending));
      if (running.size >= PARALLEL_PARTS) await Promise.race(running);
    }
    await Promise.all(running);
    if (failure !== undefined) throw failure;
  } catch (error) {
    stop.abort();
    await Promise.all(running);
    throw failure ?? error;
  }
  meter.completing();
  await ingestion.completeUpload({ name: upload.name, sha256: hasher.whole() }, callOptions(options.signal));
}

function callOptions(signal: AbortSignal | undefined): { signal?: AbortSignal; timeoutMs: number } {
  // Joining the parts of a large film may take its time.
  return { timeoutMs: 10 * 60_000, ...(signal === undefined ? {} : { signal }) };
}

async function listStored(platform: Platform, name: string): Promise<ReadonlyMap<number, string>> {
  const stored = new Map<number, string>();
  for (let pageToken = ""; ; ) {
    const page = await platform.client(IngestionService).listUploadParts({ name, pageSize: LIST_PAGE, pageToken });
    for (const part of page.parts) stored.set(part.number, part.sha256);
    pageToken = page.nextPageToken;
    if (pageToken === "") return stored;
  }
}

function newMeter(totalBytes: number, onProgress: UploadOptions["onProgress"]) {
  const inFlight = new Map<number, number>();
  let finishedBytes = 0;
  let resumedBytes = 0;
  let startedMs: number | undefined;
  let trouble: string | undefined;
  let phase: UploadProgress["phase"] = "hashing";
  const report = () => {
    if (onProgress === undefined) return;
    const flying = [...inFlight.values()].reduce((sum, bytes) => sum + bytes, 0);
    const elapsed = startedMs === undefined ? 0 : (nowMs() - startedMs) / 1000;
    onProgress({
      phase,
      sentBytes: Math.min(totalBytes, resumedBytes + finishedBytes + flying),
      totalBytes,
      resumedBytes,
      bytesPerSecond: elapsed > 0.2 ? (finishedBytes + flying) / elapsed : 0,
      trouble,
    });
  };
  report();
  return {
    resumed(bytes: number) {
      resumedBytes += bytes;
      report();
    },
    sent(part: number, bytes: number) {
      startedMs ??= nowMs();
      if (bytes > 0) trouble = undefined;
      phase = "uploading";
      inFlight.set(part, bytes);
      report();
    },
    done(part: number, bytes: number) {
      startedMs ??= nowMs();
      inFlight.delete(part);
      finishedBytes += bytes;
      trouble = undefined;
      phase = "uploading";
      report();
    },
    trouble(message: string) {
      trouble = message;
      report();
    },
    completing() {
      phase = "completing";
      report();
    },
  };
}

/** The server forgot the upload: aborted, expired, or another installation. */
function isGone(error: unknown): boolean {
  return hasReason(error, "UPLOAD_NOT_FOUND") || toMatineeError(error).code === Code.NotFound;
}
