/** For transcode's tests: films without files, a worker without FFmpeg, and a look into the stores. */

import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { Protection } from "#gen/matinee/common/v1/media_pb";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { AssetDeletedSchema, AssetIngestedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import type { Job } from "#gen/matinee/transcode/v1/job_pb";
import type { Task, TaskOutputSchema } from "#gen/matinee/transcode/v1/task_pb";
import { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import { defineModule, type Module } from "#pkg/app/module";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { newId } from "#pkg/clock/clock";
import { creator, fake, openModules, service, type TestPlatform, type TestPlatformOptions } from "#pkg/testkit/module";
import { transcode } from "./module.ts";

export interface Stores {
  readonly originals: BlobStore;
  readonly mezzanine: BlobStore;
  readonly images: BlobStore;
}

/** A module that takes every wake-up out of the queues before transcode sees it. */
export function thiefModule(queues: readonly string[]): Module {
  return defineModule({
    ...{ name: "test-thief", summary: "Loses the queue", owns: [], config: {}, serves: [], routes: [] },
    ...{ calls: [], needs: ["queue"], emits: [], consumes: [] },
    async open({ queue }) {
      const steal = async (name: string, signal: AbortSignal) => {
        while (!signal.aborted) {
          const stolen = await queue.receive(name, { max: 10, waitSeconds: 20, visibilitySeconds: 60, signal });
          for (const message of stolen) await message.ack();
        }
      };
      return { background: queues.map((name) => ({ name, run: (signal) => steal(name, signal).catch(() => {}) })) };
    },
  });
}

/** A module that shows the stores of its host to a test. */
export function storesModule(): { readonly module: Module; readonly stores: () => Stores } {
  let stores: Stores | undefined;
  const module = defineModule({
    ...{ name: "test-stores", summary: "Shows the stores to a test", owns: [], config: {}, serves: [], routes: [] },
    ...{ calls: [], needs: ["originals", "mezzanine", "images"], emits: [], consumes: [] },
    async open({ originals, mezzanine, images }) {
      stores = { originals, mezzanine, images };
      return {};
    },
  });
  return {
    module,
    stores: () => {
      if (stores === undefined) throw new Error("the host is not open");
      return stores;
    },
  };
}

export interface Film {
  readonly seconds?: number;
  readonly height?: number;
  readonly audio?: readonly { readonly language: string; readonly isDefault?: boolean }[];
  readonly text?: readonly string[];
}

type Output = MessageInitShape<typeof TaskOutputSchema>;

/** Transcode in a host of its own, driven as its peers drive it. */
export class Studio implements AsyncDisposable {
  readonly platform: TestPlatform;
  readonly stores: Stores;
  readonly ownerId = newId();
  readonly workers: Client<typeof WorkerService>;
  readonly jobs: Client<typeof TranscodeService>;
  /** Originals that ingestion says are gone. */
  readonly deleted: Set<string>;

  private constructor(platform: TestPlatform, stores: Stores, deleted: Set<string>) {
    this.platform = platform;
    this.stores = stores;
    this.deleted = deleted;
    this.workers = platform.client(WorkerService, { as: service("transcode-worker") });
    this.jobs = platform.client(TranscodeService, { as: creator({ accountId: this.ownerId }) });
  }

  static async open(
    settings: Record<string, string> = {},
    { others = [], ...options }: TestPlatformOptions & { readonly others?: readonly Module[] } = {},
  ): Promise<Studio> {
    const shown = storesModule();
    const deleted = new Set<string>();
    const ingestion = fake(IngestionService, {
      getAsset: async ({ name }) => ({
        asset: { name, state: deleted.has(name) ? Asset_State.DELETED : Asset_State.READY },
      }),
    });
    const platform = await openModules([transcode, shown.module, ...others], {
      fakes: [ingestion],
      settings: {
        TRANSCODE_SWEEP: "50ms",
        TRANSCODE_POLL: "100ms",
        TRANSCODE_LONG_POLL: "300ms",
        TRANSCODE_RETRY_DELAY: "0ms",
        TRANSCODE_WATCH_INTERVAL: "50ms",
        ...settings,
      },
      ...options,
    });
    return new Studio(platform, shown.stores(), deleted);
  }

  /** Says that a film was ingested; answers `assets/{uuid}`. */
  async ingest(film: Film = {}, assetId = newId()): Promise<string> {
    const { seconds = 60, height = 1080, audio = [{ language: "en", isDefault: true }], text = [] } = film;
    await this.platform.publish(
      AssetIngestedSchema,
      {
        asset: `assets/${assetId}`,
        owner: `accounts/${this.ownerId}`,
        fileName: "Der Film 🎬.mkv",
        original: { store: "originals", key: `${assetId}/original`, sha256: "ab".repeat(32), sizeBytes: 1000n },
        protection: Protection.CBCS,
        media: {
          container: "matroska",
          video: {
            streamIndex: 0,
            codec: "h264",
            displayWidth: Math.round((height * 16) / 9 / 2) * 2,
            displayHeight: height,
            frameRate: { numerator: 24000n, denominator: 1001n },
            frameCount: BigInt(Math.round((seconds * 24000) / 1001)),
            isConstantFrameRate: true,
          },
          audio: audio.map((stream, i) => ({ streamIndex: 1 + i, codec: "aac", channels: 2, ...stream })),
          text: text.map((language, i) => ({ streamIndex: 1 + audio.length + i, codec: "subrip", language })),
        },
      },
      { key: assetId },
    );
    return `assets/${assetId}`;
  }

  async delete(asset: string): Promise<void> {
    this.deleted.add(asset);
    await this.platform.publish(AssetDeletedSchema, { asset });
  }

  async jobOf(asset: string): Promise<Job | undefined> {
    const { jobs } = await this.jobs.listJobs({ asset });
    return jobs[0];
  }

  async lease(worker = "one"): Promise<Task | undefined> {
    return (await this.workers.leaseTask({ worker })).task;
  }

  /** A task, which must be there. */
  async mustLease(worker = "one"): Promise<Task> {
    const task = await this.lease(worker);
    if (task === undefined) throw new Error("no task was to be had");
    return task;
  }

  async complete(task: Task): Promise<void> {
    await this.workers.completeTask({ task: task.name, lease: task.lease, outputs: await this.make(task) });
  }

  /** Leases and completes until there is nothing more to do; answers the tasks in their order. */
  async work(worker = "one", until: (task: Task) => boolean = () => false): Promise<Task[]> {
    const done: Task[] = [];
    for (;;) {
      const task = await this.lease(worker);
      if (task === undefined) return done;
      await this.complete(task);
      done.push(task);
      if (until(task)) return done;
    }
  }

  /** Stores what the task asks for: bytes that say what they are. */
  async make(task: Task): Promise<Output[]> {
    const { work } = task;
    switch (work.case) {
      case "encodeVideo":
        return Promise.all(
          work.value.targets.map(({ track }) =>
            this.#store(task, track, `${track} ${work.value.firstFrame}`, { frameCount: work.value.frameCount }),
          ),
        );
      case "joinVideo": {
        const { track, spans, frameCount } = work.value;
        return [await this.#store(task, track, spans.map(({ blob }) => blob?.sha256).join(), { frameCount })];
      }
      case "encodeAudio":
        return [await this.#store(task, work.value.track, work.value.track, { codec: "mp4a.40.2" })];
      case "extractText":
        return [await this.#store(task, work.value.track, "WEBVTT", { cueCount: 3 })];
      case "takePosters":
        return [await this.#store(task, "poster-1", "a picture", {}, "images")];
      default:
        throw new Error("a task without work");
    }
  }

  async #store(
    task: Task,
    track: string,
    content: string,
    more: { readonly frameCount?: bigint; readonly codec?: string; readonly cueCount?: number },
    store: "mezzanine" | "images" = "mezzanine",
  ): Promise<Output> {
    const assetId = task.asset.slice("assets/".length);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const name = `${sha256.slice(0, 32)}.${store === "images" ? "jpg" : "mp4"}`;
    const key = store === "images" ? `${assetId}/${name}` : `${assetId}/${track}/${name}`;
    await this.stores[store].put(key, Buffer.from(content));
    const blob = { store, key, sha256, sizeBytes: BigInt(Buffer.byteLength(content)) };
    return { track, blob, bitsPerSecond: 1_000_000n, ...more };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.platform[Symbol.asyncDispose]();
  }
}

/** What a task does, in a few words: `look 0+720`, `chunk 720+240`, `join video-240p`. */
export function describeTask({ work }: Task): string {
  switch (work.case) {
    case "encodeVideo":
      return `${work.value.isFirstLook ? "look" : "chunk"} ${work.value.firstFrame}+${work.value.frameCount}`;
    case "takePosters":
      return "posters";
    case undefined:
      return "nothing";
    default:
      return `${work.case.replace(/[A-Z].*/, "")} ${work.value.track}`;
  }
}
