/** Reads from memory: the same bytes, loaded once, within the bound. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { ManualClock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { silentLogger } from "#pkg/obs/logger";
import { refused } from "#pkg/testkit/refused";
import type { BlobStore, ByteRange } from "./blobstore.ts";
import { type BlobReader, newHotBlobs } from "./hot.ts";
import { openBlobStore } from "./open.ts";

const MEBIBYTE = 1024 * 1024;

describe("hot reads", () => {
  const film = randomBytes(3 * MEBIBYTE + 77);
  const clock = new ManualClock(new Date("2026-05-01T12:00:00Z"));
  let store: BlobStore;
  /** What reached the store. */
  let reads: number;
  let finds: number;

  const counted = (): BlobReader => ({
    find: (key) => {
      finds += 1;
      return store.find(key);
    },
    get: (key, options) => {
      reads += 1;
      return store.get(key, options);
    },
  });
  const readPart = async (reader: BlobReader, range?: ByteRange) =>
    buffer((await reader.get("film", range === undefined ? {} : { range })).body);

  beforeEach(async () => {
    const options = { name: "packaged", signingSecret: new Uint8Array(32).fill(1), clock, log: silentLogger };
    store = (await openBlobStore("memory:", options)).store;
    await store.put("film", film);
    await store.put("empty", Buffer.alloc(0));
    [reads, finds] = [0, 0];
  });
  afterEach(() => store[Symbol.asyncDispose]());

  it("give the bytes of every range, wherever its ends lie", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: 16 * MEBIBYTE });
    const half = MEBIBYTE / 2;
    const edges = [0, 1, half - 1, half, half + 1, MEBIBYTE, film.byteLength - 1];
    for (const start of edges) {
      for (const end of [...edges, film.byteLength + 500].filter((one) => one >= start)) {
        assert.ok((await readPart(hot, { start, end })).equals(film.subarray(start, end + 1)), `${start}-${end}`);
      }
    }
    assert.ok((await readPart(hot)).equals(film));
    assert.equal((await buffer((await hot.get("empty")).body)).byteLength, 0);
  });

  it("load a block once, however many ask at the same time and afterwards", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: 16 * MEBIBYTE });
    const parts = await Promise.all(Array.from({ length: 20 }, () => readPart(hot)));
    assert.ok(parts.every((part) => part.equals(film)));
    await readPart(hot);
    assert.deepEqual([reads, finds], [7, 1]);
  });

  it("keep no more bytes than they may, the latest ones", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: MEBIBYTE });
    await readPart(hot);
    const first = reads;
    await readPart(hot, { start: film.byteLength - 77, end: film.byteLength - 1 });
    assert.equal(reads, first, "the end was read last");
    await readPart(hot, { start: 0, end: 1 });
    assert.equal(reads, first + 1, "the start had to go");
  });

  it("keep nothing where they may not", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: 0 });
    await readPart(hot);
    await readPart(hot);
    assert.equal(reads, 2);
  });

  it("end for a reader that goes away, and for nobody else", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: 16 * MEBIBYTE });
    const controller = new AbortController();
    const leaving = buffer((await hot.get("film", { signal: controller.signal })).body);
    const staying = readPart(hot);
    controller.abort(new Error("gone"));
    await assert.rejects(leaving, /gone/);
    assert.ok((await staying).equals(film));
  });

  it("refuse as the store does, and try again after a failure", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: 16 * MEBIBYTE });
    const reason = (name: string) => (error: unknown) => isAppError(error, name);
    await assert.rejects(hot.get("none"), reason("BLOB_NOT_FOUND"));
    const past = { start: film.byteLength, end: film.byteLength + 1 };
    await assert.rejects(hot.get("film", { range: past }), reason("BLOB_RANGE_NOT_SATISFIABLE"));
    let isDown = true;
    const weak = newHotBlobs(
      {
        find: (key) => store.find(key),
        get: (key, options) => (isDown ? Promise.reject(new Error("down")) : store.get(key, options)),
      },
      { clock, maxBytes: MEBIBYTE },
    );
    await assert.rejects(readPart(weak), /down/);
    isDown = false;
    assert.ok((await readPart(weak)).equals(film));
  });

  it("learn within ten seconds that an object was deleted", async () => {
    const hot = newHotBlobs(counted(), { clock, maxBytes: 16 * MEBIBYTE });
    await readPart(hot);
    await store.delete("film");
    clock.advance(10_001);
    assert.equal(await hot.find("film"), undefined);
    await assert.rejects(hot.get("film"), refused("BLOB_NOT_FOUND"));
  });
});
