/** The uploads of this page: a few at a time, going on while one looks at other pages, resumable after a reload. */

import { isCanceled, type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import type { Protection } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { type FileSource, fingerprintOf } from "@matinee/sdk/hashing";
import type { Platform } from "@matinee/sdk/platform";
import { abortUpload, type UploadProgress, uploadFile } from "@matinee/sdk/upload";
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
  /** `assets/{uuid}`, once it is done. */
  readonly asset: string | undefined;
}

/** An upload that an earlier visit began and that waits for its file. */
export interface InterruptedUpload {
  readonly key: string;
  readonly fileName: string;
  readonly sizeBytes: number;
}

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
  #interrupted: readonly InterruptedUpload[] = [];

  constructor(platform: Platform) {
    this.#platform = platform;
    addEventListener("beforeunload", (event) => {
      // The upload would go on after a reload, but only with the file chosen again.
      if (this.#shown.some(({ state }) => state === "running" || state === "waiting")) event.preventDefault();
    });
    void this.#lookForInterrupted();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  uploads = (): readonly QueuedUpload[] => this.#shown;

  interrupted = (): readonly InterruptedUpload[] => this.#interrupted;

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
        asset: undefined,
      };
      this.#entries.set(id, { upload, source, protection, stop: new AbortController() });
    }
    this.#changed();
    this.#next();
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
    await this.#lookForInterrupted();
  }

  async forget(key: string): Promise<void> {
    await this.#states.remove(key);
    await this.#lookForInterrupted();
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
      const { asset } = await uploadFile(this.#platform, {
        source: entry.source,
        protection: entry.protection,
        states: this.#states,
        signal: entry.stop.signal,
        onProgress: (progress) => this.#update(entry, { progress }),
      });
      this.#update(entry, { state: "done", asset });
    } catch (cause) {
      if (isCanceled(cause)) this.#update(entry, { state: "stopped" });
      else this.#update(entry, { state: "failed", error: toMatineeError(cause) });
    }
    await this.#lookForInterrupted();
    this.#next();
  }

  async #lookForInterrupted(): Promise<void> {
    const states = await this.#states.list();
    const ours = [...this.#entries.keys()];
    this.#interrupted = states
      .filter(([key]) => !ours.some((id) => key.startsWith(id)))
      .map(([key, { fileName, sizeBytes }]) => ({ key, fileName, sizeBytes }));
    this.#changed();
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
