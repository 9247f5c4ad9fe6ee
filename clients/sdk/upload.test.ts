import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MatineeError } from "./errors.ts";
import { openFileSource } from "./file-node.ts";
import { type FileSource, newPartHasher } from "./hashing.ts";
import { newPlatform } from "./platform.ts";
import { hash, startIngestionServer } from "./testing/ingestion-server.ts";
import { abortUpload, type UploadProgress, uploadFile } from "./upload.ts";
import { memoryStateStore, type UploadState } from "./upload-state.ts";

const PART = 64 * 1024;

function newSource(sizeBytes: number): FileSource & { readonly bytes: Buffer<ArrayBuffer> } {
  const bytes = randomFillSync(Buffer.alloc(sizeBytes));
  return { name: "film.mkv", blob: new Blob([bytes]), modifiedMs: 1_700_000_000_000, bytes };
}

describe("newPartHasher", () => {
  const partBytes = 1024 * 1024 + 13;
  const memory = newSource(2.5 * 1024 * 1024 + 7);
  const folder = mkdtempSync(join(tmpdir(), "matinee-hash-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const kinds: readonly [string, () => FileSource | Promise<FileSource>][] = [
    ["portably", () => memory],
    [
      "with the platform's own hash",
      () => {
        const path = join(folder, "film.mkv");
        writeFileSync(path, memory.bytes);
        return openFileSource(path);
      },
    ],
  ];
  for (const [how, open] of kinds) {
    it(`hashes each part and the whole in one pass, ${how}`, async () => {
      const hasher = await newPartHasher(await open(), partBytes);
      const parts: string[] = [];
      for (let part = await hasher.next(undefined); part !== undefined; part = await hasher.next(undefined)) {
        parts.push(part.sha256);
      }
      const partOf = (index: number) => memory.bytes.subarray(index * partBytes, (index + 1) * partBytes);
      assert.deepEqual(
        parts,
        [0, 1, 2].map((index) => hash(partOf(index))),
      );
      assert.equal(hasher.whole(), hash(memory.bytes));
    });
  }
});

describe("uploadFile", () => {
  it("stores every part with its hash and completes with the hash of the whole", async () => {
    await using server = await startIngestionServer(PART);
    const source = newSource(5 * PART + 100);
    const reports: UploadProgress[] = [];
    const result = await uploadFile(newPlatform(server), { source, onProgress: (report) => reports.push(report) });
    const upload = server.uploads.get(result.upload);
    assert.equal(upload?.sha256, hash(source.bytes));
    assert.equal(upload?.asset, result.asset);
    assert.equal(reports.at(-1)?.phase, "completing");
    assert.equal(reports.at(-1)?.sentBytes, source.bytes.length);
    assert.ok(server.traceparents.every((header) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(header ?? "")));
  });

  it("sends only what is missing after the client was stopped", async () => {
    await using server = await startIngestionServer(PART);
    const states = memoryStateStore<UploadState>();
    const source = newSource(6 * PART);
    const stop = new AbortController();
    server.onPut = (part) => {
      if (part === 4) stop.abort();
      return part >= 4 ? "drop" : undefined;
    };
    await assert.rejects(
      uploadFile(newPlatform(server), { source, states, signal: stop.signal }),
      (error) => error instanceof MatineeError && error.reason === "CLIENT_CANCELED",
    );
    const stored = [...[...server.uploads.values()].flatMap((upload) => [...upload.parts.keys()])];
    assert.ok(stored.length > 0 && stored.length <= 3);

    server.onPut = undefined;
    server.puts.length = 0;
    let last: UploadProgress | undefined;
    const result = await uploadFile(newPlatform(server), {
      source,
      states,
      onProgress: (progress) => {
        last = progress;
      },
    });
    assert.equal(server.uploads.size, 1);
    assert.equal(server.uploads.get(result.upload)?.sha256, hash(source.bytes));
    assert.ok(!server.puts.some((part) => stored.includes(part)), "a stored part was sent again");
    assert.equal(last?.resumedBytes, stored.length * PART);
    assert.deepEqual(await states.list(), []);
  });

  it("makes no second upload where the client died before it saw the first answer", async () => {
    await using server = await startIngestionServer(PART);
    const states = memoryStateStore<UploadState>();
    const source = newSource(PART);
    const tokens = { accessToken: async () => undefined, refresh: async () => undefined };
    server.onCall = (method) => (method === "SignUploadParts" ? "TOKEN_INVALID" : undefined);
    await assert.rejects(uploadFile(newPlatform({ ...server, tokens }), { source, states }));
    const [[key, state]] = (await states.list()) as [[string, UploadState]];
    const { upload: _unseen, ...unanswered } = state;
    await states.save(key, unanswered);
    server.onCall = undefined;
    await uploadFile(newPlatform(server), { source, states });
    assert.equal(server.uploads.size, 1);
  });

  it("begins anew where the server has forgotten the upload", async () => {
    await using server = await startIngestionServer(PART);
    const states = memoryStateStore<UploadState>();
    const source = newSource(2 * PART);
    server.onPut = () => 403;
    await assert.rejects(uploadFile(newPlatform(server), { source, states }));
    server.uploads.clear();
    server.onPut = undefined;
    const result = await uploadFile(newPlatform(server), { source, states });
    assert.equal(server.uploads.get(result.upload)?.sha256, hash(source.bytes));
  }).timeout(60_000);

  it("goes on through broken connections, expired URLs and a busy store", async () => {
    await using server = await startIngestionServer(PART);
    const source = newSource(3 * PART);
    server.onPut = (part, count) => {
      if (count > 1) return undefined;
      return part === 1 ? "drop" : part === 2 ? 403 : 503;
    };
    const troubles = new Set<string>();
    const result = await uploadFile(newPlatform(server), {
      source,
      onProgress: ({ trouble }) => trouble !== undefined && troubles.add(trouble),
    });
    assert.equal(server.uploads.get(result.upload)?.sha256, hash(source.bytes));
    assert.ok(troubles.size > 0);
  });

  it("waits for a store that has no room, says so, and goes on by itself", async () => {
    await using server = await startIngestionServer(PART);
    const source = newSource(PART);
    server.onPut = (_part, count) => (count <= 2 ? 507 : undefined);
    const troubles = new Set<string>();
    const result = await uploadFile(newPlatform(server), {
      source,
      onProgress: ({ trouble }) => trouble !== undefined && troubles.add(trouble),
    });
    assert.equal(server.uploads.get(result.upload)?.sha256, hash(source.bytes));
    assert.match([...troubles].join(), /no room left/);
  });

  it("says that the file changed where the store keeps refusing its hash", async () => {
    await using server = await startIngestionServer(PART);
    const source = newSource(PART);
    let read = 0;
    const blob = new Blob([source.bytes]);
    const shifty = Object.assign(blob, {
      slice: (start?: number, end?: number) =>
        // What is hashed and what is sent differ, as when the file is written to meanwhile.
        read++ === 0 ? new Blob([source.bytes]).slice(start, end) : new Blob([randomFillSync(Buffer.alloc(PART))]),
    });
    await assert.rejects(
      uploadFile(newPlatform(server), { source: { ...source, blob: shifty } }),
      (error) => error instanceof MatineeError && error.reason === "UPLOAD_SOURCE_CHANGED",
    );
  });

  it("frees the parts when it is aborted for good", async () => {
    await using server = await startIngestionServer(PART);
    const states = memoryStateStore<UploadState>();
    const source = newSource(2 * PART);
    const stop = new AbortController();
    server.onPut = (part) => {
      if (part === 2) stop.abort();
      return part === 2 ? "drop" : undefined;
    };
    const options = { source, states };
    await assert.rejects(uploadFile(newPlatform(server), { ...options, signal: stop.signal }));
    await abortUpload(newPlatform(server), options);
    assert.deepEqual(
      [...server.uploads.values()].map((upload) => upload.parts.size),
      [0],
    );
    assert.deepEqual(await states.list(), []);
  });

  it("refreshes an expired token once and goes on", async () => {
    await using server = await startIngestionServer(PART);
    let token = "old";
    let refreshes = 0;
    const tokens = {
      accessToken: async () => token,
      refresh: async () => {
        refreshes += 1;
        token = "new";
      },
    };
    server.onCall = (_method, authorization) => (authorization === "Bearer old" ? "TOKEN_EXPIRED" : undefined);
    const source = newSource(PART);
    const result = await uploadFile(newPlatform({ ...server, tokens }), { source });
    assert.equal(server.uploads.get(result.upload)?.sha256, hash(source.bytes));
    assert.equal(refreshes, 1);
  });
});
