import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { openBlobStore } from "#pkg/blobstore/open";
import type { OpenedBlobStore } from "#pkg/blobstore/opened";
import { ManualClock, newId } from "#pkg/clock/clock";
import { AppError } from "#pkg/errors/errors";
import { openOutbox } from "#pkg/eventbus/outbox";
import { newMetrics } from "#pkg/obs/metrics";

import { quietLog, type TestDb, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { Assets } from "./assets.ts";
import type { Asset } from "./domain/asset.ts";
import type { Media } from "./domain/media.ts";
import type { Upload } from "./domain/upload.ts";
import { openIngestionEvents } from "./events.ts";
import { Inspections } from "./inspections.ts";
import { openAssetStore } from "./store/asset-store.ts";
import { openPurgeStore } from "./store/purge-store.ts";
import { openShowingStore } from "./store/showing-store.ts";
import { openUploadStore } from "./store/upload-store.ts";
import { sweep } from "./sweep.ts";
import { Uploads } from "./uploads.ts";

const LEASE_MS = 30_000;
const START = new Date("2026-01-01T00:00:00Z");
const ALL = { ownerId: undefined };

const media: Media = {
  container: "mov",
  durationSeconds: 1,
  video: {
    index: 0,
    codec: "h264",
    displayWidth: 640,
    displayHeight: 360,
    frameRate: { num: 25, den: 1 },
    frameCount: 25,
    rotation: 0,
    pixelFormat: "yuv420p",
    colorTransfer: "bt709",
    isConstantFrameRate: true,
    keyframes: [0],
  },
  audio: [],
  text: [],
};

describe("inspections", () => {
  let test: TestDb;
  let opened: OpenedBlobStore;
  let originals: BlobStore;
  let server: Server;
  let scratch: string;
  const bytes = randomBytes(10_000);

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "matinee-inspections-"));
    test = await testDb("ingestion", new URL("./migrations/", import.meta.url));
    const clock = new ManualClock(START);
    opened = await openBlobStore("memory:", {
      name: "originals",
      signingSecret: randomBytes(32),
      clock,
      log: quietLog,
    });
    originals = opened.store;
    const [route] = opened.routes;
    assert.ok(route);
    server = createServer((request, response) => {
      const key = (request.url ?? "").slice("/blobs/originals/".length).split("?")[0] ?? "";
      route.handle(request, response, undefined as never, { key });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  after(async () => {
    server?.close();
    await originals?.[Symbol.asyncDispose]();
    await test?.[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  });

  it("are taken over when the worker was killed before it joined the parts", async () => {
    const upload = await completed();
    assert.ok(await parts().uploads.claim(START, LEASE_MS));
    await takenOver(upload);
  });

  it("are taken over when the worker was killed after it joined the parts", async () => {
    const upload = await completed();
    const killed = openProcess({ probe: () => new Promise(() => {}) });
    // Never ends, as far as the others can see; its clock stands still, so that it renews nothing.
    killed.inspections.inspectNext(new AbortController().signal).catch(() => undefined);
    while ((await originals.find(`${upload.assetId}/original`)) === undefined) await new Promise(setImmediate);
    await takenOver(upload);
  });

  it("belong to one worker while it renews its lease", async () => {
    const clock = new ManualClock(START);
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const upload = await completed();
    const slow = openProcess({
      clock,
      probe: async () => {
        begun.resolve();
        await release.promise;
        return media;
      },
    });
    const working = slow.inspections.inspectNext(new AbortController().signal);
    await begun.promise;
    for (let i = 0; i < 6; i++) {
      const due = (await slow.uploads.nextDue())?.getTime();
      clock.advance(LEASE_MS / 3);
      while ((await slow.uploads.nextDue())?.getTime() === due) await new Promise(setImmediate);
      assert.equal(await slow.uploads.claim(clock.now(), LEASE_MS), undefined);
    }
    release.resolve();
    assert.equal(await working, "again");
    assert.equal((await assetOf(upload)).state, "ready");
  });

  it("write nothing when another worker has taken over", async () => {
    const upload = await completed();
    const release = Promise.withResolvers<Media>();
    const begun = Promise.withResolvers<void>();
    const late = openProcess({
      probe: () => {
        begun.resolve();
        return release.promise;
      },
    });
    const working = late.inspections.inspectNext(new AbortController().signal);
    await begun.promise;
    await takenOver(upload);
    release.reject(new AppError({ kind: "invalid_argument", reason: "MEDIA_NO_VIDEO", message: "none" }));
    await working;
    assert.equal((await assetOf(upload)).state, "ready");
    assert.deepEqual(await eventsOf(upload), ["AssetIngested"]);
    assert.ok(await originals.find(`${upload.assetId}/original`));
  });

  it("wait and try again, without end, when the store or the tools are away, and refuse nothing for it", async () => {
    for (const away of [
      new AppError({ kind: "unavailable", reason: "BLOB_STORE_UNAVAILABLE", message: "away" }),
      new AppError({ kind: "failed_precondition", reason: "MEDIA_TOOL_MISSING", message: "not installed" }),
    ]) {
      const clock = new ManualClock(START);
      const upload = await completed();
      const failing = openProcess({ clock, probe: () => Promise.reject(away), maxAttempts: 2 });
      for (let i = 0; i < 5; i++) {
        assert.equal(await failing.inspections.inspectNext(new AbortController().signal), "again");
        assert.equal(typeof (await failing.inspections.inspectNext(new AbortController().signal)), "number");
        clock.advance(60_000);
      }
      assert.equal((await assetOf(upload)).state, "inspecting");
      await finished(upload, clock.now());
    }
  });

  it("wait for room, without end and without a word against the file, and say what they wait for", async () => {
    const clock = new ManualClock(START);
    const upload = await completed();
    const full = Object.assign(new Error("write"), { code: "ENOSPC" });
    const failing = openProcess({ clock, probe: () => Promise.reject(full), maxAttempts: 2 });
    const { version } = await assetOf(upload);
    for (let i = 0; i < 5; i++) {
      assert.equal(await failing.inspections.inspectNext(new AbortController().signal), "again");
      const asset = await assetOf(upload);
      assert.deepEqual([asset.state, asset.waiting?.reason], ["inspecting", "OUT_OF_SPACE"]);
      assert.equal(asset.version, version + 1, "that it waits is a change, that it still waits is none");
      assert.match(asset.waiting?.message ?? "", /no room left in ingestion's scratch folder/);
      clock.advance(60_000);
    }
    await finished(upload, clock.now());
    assert.equal((await assetOf(upload)).waiting, undefined);
  });

  it("refuse an upload whose parts are not there any more, instead of trying without end", async () => {
    const upload = await completed();
    const worker = openProcess({});
    const { multipartId = "" } = (await worker.uploads.find(upload.id, ALL)) ?? upload;
    const key = `${upload.assetId}/original`;
    await originals.abortMultipart(key, multipartId);
    const empty = await originals.createMultipart(key);
    await test.db.execute("update uploads set multipart_id = $2 where id = $1", [upload.id, empty]);
    assert.equal(await worker.inspections.inspectNext(new AbortController().signal), "again");
    const asset = await assetOf(upload);
    assert.equal(asset.state, "rejected");
    assert.equal(asset.rejection?.reason, "UPLOAD_PARTS_LOST");
  });

  it("refuse a file that the tools fail on again and again", async () => {
    const clock = new ManualClock(START);
    const upload = await completed();
    const crash = new AppError({ kind: "internal", reason: "MEDIA_TOOL_FAILED", message: "ffprobe failed (SIGSEGV)." });
    const failing = openProcess({ clock, probe: () => Promise.reject(crash), maxAttempts: 3 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal((await assetOf(upload)).state, "inspecting");
      await failing.inspections.inspectNext(new AbortController().signal);
      clock.advance(60_000);
    }
    const asset = await assetOf(upload);
    assert.equal(asset.rejection?.reason, "INSPECTION_FAILED");
    await purged(upload, clock.now());
  });

  it("refuse a file that took all of its time twice, as often as others may be tried", async () => {
    const clock = new ManualClock(START);
    const upload = await completed();
    const late = new AppError({
      kind: "deadline_exceeded",
      reason: "MEDIA_TOOL_TIMEOUT",
      message: "ffprobe was late.",
    });
    const slow = openProcess({ clock, probe: () => Promise.reject(late), maxAttempts: 8 });
    for (let attempt = 1; attempt <= 2; attempt++) {
      assert.equal((await assetOf(upload)).state, "inspecting");
      await slow.inspections.inspectNext(new AbortController().signal);
      clock.advance(60_000);
    }
    assert.equal((await assetOf(upload)).rejection?.reason, "INSPECTION_FAILED");
    await purged(upload, clock.now());
  });

  it("end at once when the process stops, for the next one to begin at once", async () => {
    const upload = await completed();
    const controller = new AbortController();
    const stopping = openProcess({
      probe: (_path, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          controller.abort();
        }),
    });
    const before = await readdir(scratch);
    await stopping.inspections.inspectNext(controller.signal);
    assert.deepEqual(await readdir(scratch), before);
    await finished(upload, START);
  });

  it("of an asset that is deleted meanwhile leave nothing, even of what they write afterwards", async () => {
    const upload = await completed();
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<Media>();
    const worker = openProcess({
      probe: () => {
        begun.resolve();
        return release.promise;
      },
    });
    const working = worker.inspections.inspectNext(new AbortController().signal);
    await begun.promise;
    await worker.assets.delete(upload.assetId, ALL, { etag: "", isForced: false });
    await sweep(worker.sweeping);
    assert.equal(await originals.find(`${upload.assetId}/original`), undefined);
    // As a join that was under way at the time of the deletion would.
    await originals.put(`${upload.assetId}/original`, bytes);
    release.resolve(media);
    await working;
    await purged(upload, new Date(START.getTime() + LEASE_MS));
    const asset = await assetOf(upload);
    assert.equal(asset.state, "deleted");
    // Not before the last who could write to it is gone.
    assert.deepEqual(asset.purgeAt, new Date(START.getTime() + LEASE_MS));
    assert.deepEqual(await eventsOf(upload), ["AssetDeleted"]);
  });

  it("hash the whole themselves where the store does not know", async () => {
    const completeMultipart: BlobStore["completeMultipart"] = async (...args) => ({
      ...(await originals.completeMultipart(...args)),
      sha256: undefined,
    });
    const blind = new Proxy(originals, {
      get(target, name) {
        return name === "completeMultipart" ? completeMultipart : Reflect.get(target, name).bind(target);
      },
    });
    const good = await completed();
    await openProcess({ originals: blind }).inspections.inspectNext(new AbortController().signal);
    assert.equal((await assetOf(good)).sha256, sha256(bytes));
    const bad = await completed(sha256(Buffer.from("other")));
    await openProcess({ originals: blind }).inspections.inspectNext(new AbortController().signal);
    assert.equal((await assetOf(bad)).rejection?.reason, "UPLOAD_CHECKSUM_MISMATCH");
    await purged(bad, START);
  });

  function parts() {
    const { db } = test;
    return {
      db,
      assets: openAssetStore(db),
      uploads: openUploadStore(db),
      purges: openPurgeStore(db),
      showings: openShowingStore(db),
    };
  }

  /** What one process has; its clock stands still unless the test moves it. */
  function openProcess(of: {
    readonly clock?: ManualClock;
    readonly originals?: BlobStore;
    readonly probe?: (path: string, signal: AbortSignal) => Promise<Media>;
    readonly maxAttempts?: number;
  }) {
    const clock = of.clock ?? new ManualClock(START);
    const events = openIngestionEvents({
      outbox: openOutbox({ source: "ingestion", clock }),
      metrics: newMetrics({ processMetrics: false }),
      log: quietLog,
    });
    const shared = { ...parts(), originals: of.originals ?? originals, events, clock, log: quietLog };
    const uploads = new Uploads({
      ...shared,
      partSizeBytes: 5 * 1024 * 1024,
      uploadTtlMs: 3_600_000,
      signedUrlTtlMs: 60_000,
      quota: { openUploads: 100, openBytes: 1e12, storedBytes: 1e12 },
    });
    return {
      ...shared,
      taking: uploads,
      assets: new Assets(shared),
      sweeping: { ...shared, uploads },
      inspections: new Inspections({
        ...shared,
        probe: of.probe ?? (async () => media),
        scratch,
        leaseMs: LEASE_MS,
        maxAttempts: of.maxAttempts ?? 5,
      }),
    };
  }

  /** An upload whose parts are stored and which waits for its inspection. */
  async function completed(claimed = sha256(bytes)): Promise<Upload> {
    const { taking } = openProcess({});
    const upload = await taking.create({
      ownerId: newId(),
      requestId: randomUUID(),
      fileName: "film.mp4",
      sizeBytes: bytes.length,
      protection: "cbcs",
    });
    const [signed] = await taking.signParts(upload.id, ALL, [{ number: 1, sha256: sha256(bytes) }]);
    assert.ok(signed);
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { url, headers } = signed.request;
    const response = await fetch(new URL(url, base), { method: "PUT", headers, body: bytes });
    assert.equal(response.status, 200);
    await taking.complete(upload.id, ALL, claimed);
    return upload;
  }

  /** Another process finds nothing to do before the lease has run out, and then completes the asset. */
  async function takenOver(upload: Upload): Promise<void> {
    const leaseEnd = new Date(START.getTime() + LEASE_MS);
    const early = openProcess({ clock: new ManualClock(new Date(leaseEnd.getTime() - 1)) });
    assert.equal(typeof (await early.inspections.inspectNext(new AbortController().signal)), "number");
    await finished(upload, leaseEnd);
  }

  /** Whoever looks at this moment completes the asset, once. */
  async function finished(upload: Upload, at: Date): Promise<void> {
    const next = openProcess({ clock: new ManualClock(at) });
    assert.equal(await next.inspections.inspectNext(new AbortController().signal), "again");
    const asset = await assetOf(upload);
    assert.equal(asset.state, "ready");
    assert.equal(asset.sha256, sha256(bytes));
    assert.deepEqual(await eventsOf(upload), ["AssetIngested"]);
    assert.equal((await originals.find(`${upload.assetId}/original`))?.sizeBytes, bytes.length);
    await assert.rejects(
      originals.listParts(`${upload.assetId}/original`, (await next.uploads.find(upload.id, ALL))?.multipartId ?? ""),
      refused("BLOB_MULTIPART_NOT_FOUND"),
    );
  }

  async function purged(upload: Upload, at: Date): Promise<void> {
    await sweep(openProcess({ clock: new ManualClock(at) }).sweeping);
    assert.equal(await originals.find(`${upload.assetId}/original`), undefined);
    assert.deepEqual(await parts().purges.due(new Date(at.getTime() + 3_600_000), 10), []);
  }

  async function assetOf(upload: Upload): Promise<Asset> {
    const asset = await openAssetStore(test.db).find(upload.assetId, ALL);
    assert.ok(asset);
    return asset;
  }

  async function eventsOf(upload: Upload): Promise<string[]> {
    const rows = await test.db.query<{ type: string }>("select type from outbox where key = $1 order by id", [
      upload.assetId,
    ]);
    return rows.map((row) => row.type.slice(row.type.lastIndexOf(".") + 1));
  }
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
