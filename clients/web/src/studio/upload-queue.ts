/** The uploads of this page: a few at a time, going on while one looks at other pages, resumable after a reload. */

import { newRequestId, nowMs } from "@matinee/sdk/clock";
import { isCanceled, type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import type { Protection } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { type FileSource, fingerprintOf } from "@matinee/sdk/hashing";
import type { Platform } from "@matinee/sdk/platform";
import { abortUpload, type UploadProgress, uploadFile, uploadKeyOf } from "@matinee/sdk/upload";
import { localStateStore, type UploadState } from "@matinee/sdk/upload-state";
import type { App } from "../app-context.ts";

const PARALLEL_FILES = 2;

export interface QueuedUpload {
  readonly id: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly state: "waiting" | "running" | "done" | "failed" | "stopped";
  readonly progress: UploadProgress | undefined;
  readonly error: MatineeError | undefined;
  /** `uploads/{uuid}` and `assets/{uuid}`, once the service knows it. */
  readonly upload: string | undefined;
  readonly asset: string | undefined;
}

/** An upload that an earlier visit, or another browser, began and that waits for its file. */
export interface UnfinishedUpload {
  /** `uploads/{uuid}`. */
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly protection: Protection;
}

/** Longer than the service keeps an unfinished upload. */
const FORGET_AFTER_MS = 30 * 24 * 3_600_000;

interface Entry {
  upload: QueuedUpload;
  readonly source: FileSource;
  readonly protection: Protection;
  stop: AbortController;
}

const queues = new WeakMap<App, UploadQueue>();

/** The queue lives as long as the page. */
export function queueOf(app: App): UploadQueue {
  const known = queues.get(app);
  if (known !== undefined) return known;
  const made = new UploadQueue(app.platform);
  queues.set(app, made);
  app.session.onChange((session) => {
    if (session === undefined) made.stopAll();
  });
  return made;
}

export class UploadQueue {
  readonly #platform: Platform;
  readonly #states = localStateStore<UploadState>("matinee.upload.");
  readonly #listeners = new Set<() => void>();
  readonly #entries = new Map<string, Entry>();
  #shown: readonly QueuedUpload[] = [];

  constructor(platform: Platform) {
    this.#platform = platform;
    addEventListener("beforeunload", (event) => {
      // The upload would go on after a reload, but only with the file chosen again.
      if (this.#shown.some(({ state }) => state === "running" || state === "waiting")) event.preventDefault();
    });
    void this.#forgetOld();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  uploads = (): readonly QueuedUpload[] => this.#shown;

  add(files: Iterable<File>, protection: Protection): void {
    for (const file of files) {
      const source: FileSource = { name: file.name, blob: file, modifiedMs: file.lastModified };
      const id = fingerprintOf(source);
      const known = this.#entries.get(id)?.upload.state;
      if (known === "running" || known === "waiting") continue;
      const upload: QueuedUpload = {
        id,
        fileName: file.name,
        sizeBytes: file.size,
        state: "waiting",
        progress: undefined,
        error: undefined,
        upload: undefined,
        asset: undefined,
      };
      this.#entries.set(id, { upload, source, protection, stop: new AbortController() });
    }
    this.#changed();
    this.#next();
  }

  /** Goes on with an upload that another visit began; false where this is another file. */
  async goOn(unfinished: UnfinishedUpload, file: File): Promise<boolean> {
    const { name, fileName, sizeBytes, protection } = unfinished;
    if (file.name !== fileName || file.size !== sizeBytes) return false;
    const key = uploadKeyOf({ name: file.name, blob: file, modifiedMs: file.lastModified }, protection);
    await this.#states.save(key, {
      requestId: newRequestId(),
      upload: name,
      fileName,
      sizeBytes,
      createdMs: nowMs(),
    });
    this.add([file], protection);
    return true;
  }

  /** Goes on with what failed or was stopped. */
  resume(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.stop = new AbortController();
    this.#update(entry, { state: "waiting", error: undefined });
    this.#next();
  }

  stop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.stop.abort();
    this.#update(entry, { state: "stopped" });
  }

  /** Gives the upload up, here and on the server. */
  async discard(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.stop.abort();
    this.#entries.delete(id);
    this.#changed();
    if (entry.upload.state !== "done") {
      await abortUpload(this.#platform, { source: entry.source, protection: entry.protection, states: this.#states });
    }
  }

  /** Gives up an upload that is not in this queue, here and on the server. */
  async discardUnfinished({ name }: UnfinishedUpload): Promise<void> {
    await this.#platform.client(IngestionService).abortUpload({ name });
    for (const [key, { upload }] of await this.#states.list()) if (upload === name) await this.#states.remove(key);
  }

  stopAll(): void {
    for (const entry of this.#entries.values()) entry.stop.abort();
    this.#entries.clear();
    this.#changed();
  }

  #next(): void {
    const entries = [...this.#entries.values()];
    const running = entries.filter(({ upload }) => upload.state === "running").length;
    const waiting = entries.filter(({ upload }) => upload.state === "waiting");
    for (const entry of waiting.slice(0, Math.max(0, PARALLEL_FILES - running))) void this.#run(entry);
  }

  async #run(entry: Entry): Promise<void> {
    this.#update(entry, { state: "running" });
    try {
      await uploadFile(this.#platform, {
        source: entry.source,
        protection: entry.protection,
        states: this.#states,
        signal: entry.stop.signal,
        onOpen: ({ upload, asset }) => this.#update(entry, { upload, asset }),
        onProgress: (progress) => this.#update(entry, { progress }),
      });
      this.#update(entry, { state: "done" });
    } catch (cause) {
      if (isCanceled(cause)) this.#update(entry, { state: "stopped" });
      else this.#update(entry, { state: "failed", error: toMatineeError(cause) });
    }
    this.#next();
  }

  async #forgetOld(): Promise<void> {
    for (const [key, { createdMs }] of await this.#states.list()) {
      if (nowMs() - createdMs > FORGET_AFTER_MS) await this.#states.remove(key);
    }
  }

  #update(entry: Entry, change: Partial<QueuedUpload>): void {
    entry.upload = { ...entry.upload, ...change };
    this.#changed();
  }

  #changed(): void {
    this.#shown = [...this.#entries.values()].map(({ upload }) => upload);
    for (const listener of this.#listeners) listener();
  }
}
