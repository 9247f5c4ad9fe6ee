/** What every blob store promises, as tests: whoever writes an adapter makes these pass. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { isAppError } from "#pkg/errors/errors";
import type { BlobStore, SignedRequest } from "./blobstore.ts";
import { describeKeys, type KeysUnderTest } from "./conformance-keys.ts";

export interface BlobStoreUnderTest extends KeysUnderTest, AsyncDisposable {
  /** The same store opened once more, as another process has it. */
  readonly other: BlobStore;
  /** Makes a signed URL absolute, where the adapter answers relative ones. */
  readonly origin: string;
}

const PART_BYTES = 5 * 1024 * 1024;

export function describeBlobStore(name: string, open: () => Promise<BlobStoreUnderTest>): void {
  describe(`blob store: ${name}`, () => {
    let opened: BlobStoreUnderTest;
    let store: BlobStore;
    let other: BlobStore;
    let folder: string;

    before(async () => {
      opened = await open();
      ({ store, other } = opened);
      folder = await mkdtemp(join(tmpdir(), "matinee-conformance-"));
    });
    after(async () => {
      await opened?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    const bytesOf = async (key: string, options?: Parameters<BlobStore["get"]>[1]) =>
      buffer((await store.get(key, options)).body);
    const read = async (key: string) => (await bytesOf(key)).toString();
    const upload = (request: SignedRequest, body: Uint8Array) =>
      fetch(new URL(request.url, opened.origin), {
        method: request.method,
        headers: request.headers,
        body: new Uint8Array(body),
      });
    const putPart = async (key: string, id: string, number: number, body: Uint8Array) => {
      const part = { number, sizeBytes: body.byteLength, sha256: sha256(body), expiresAt: inAnHour() };
      return upload(await store.signPart(key, id, part), body);
    };

    describe("objects", () => {
      it("gives back what was put, with its size, checksum and type", async () => {
        const info = await store.put("objects/a", Buffer.from("abc"), { contentType: "text/plain" });
        const expected = {
          key: "objects/a",
          sizeBytes: 3,
          sha256: sha256(Buffer.from("abc")),
          contentType: "text/plain",
        };
        const { updatedAt, ...rest } = info;
        assert.deepEqual(rest, expected);
        assert.ok(updatedAt instanceof Date);
        assert.equal(await read("objects/a"), "abc");
        const found = await store.find("objects/a");
        assert.equal(found?.sizeBytes, 3);
        assert.equal(found?.contentType, "text/plain");
      });

      it("says what the object is together with its bytes, and of all of it together with a range", async () => {
        const { updatedAt, ...put } = await store.put("objects/described", Buffer.from("described"), {
          contentType: "text/plain",
        });
        const whole = await store.get("objects/described");
        const part = await store.get("objects/described", { range: { start: 2, end: 3 } });
        for (const { info } of [whole, part]) {
          assert.deepEqual({ ...info, sha256: info.sha256 ?? put.sha256 }, { ...put, updatedAt: info.updatedAt });
          assert.ok(Math.abs(info.updatedAt.getTime() - updatedAt.getTime()) < 5_000);
          assert.deepEqual(info, await store.find("objects/described"));
        }
        assert.equal((await buffer(part.body)).toString(), "sc");
      });

      it("takes a stream of any size", async () => {
        const chunk = randomBytes(64 * 1024);
        const body = Readable.from(
          (function* () {
            for (let i = 0; i < 40; i++) yield chunk;
          })(),
        );
        const info = await store.put("objects/stream", body);
        assert.equal(info.sizeBytes, 40 * chunk.byteLength);
        const back = await bytesOf("objects/stream");
        assert.equal(sha256(back), sha256(Buffer.concat(Array.from({ length: 40 }, () => chunk))));
      });

      it("keeps an empty object", async () => {
        await store.put("objects/empty", new Uint8Array());
        assert.equal((await store.find("objects/empty"))?.sizeBytes, 0);
        assert.equal(await read("objects/empty"), "");
      });

      it("stores nothing when the stream breaks", async () => {
        const body = Readable.from(
          (async function* () {
            yield Buffer.from("half");
            throw new Error("the client is gone");
          })(),
        );
        await assert.rejects(store.put("objects/broken", body));
        assert.equal(await store.find("objects/broken"), undefined);
      });

      it("stores nothing when the put is aborted", async () => {
        const abort = new AbortController();
        const body = Readable.from(
          (async function* () {
            yield Buffer.from("half");
            abort.abort();
            yield Buffer.from("other half");
          })(),
        );
        await assert.rejects(store.put("objects/aborted", body, { signal: abort.signal }));
        assert.equal(await store.find("objects/aborted"), undefined);
      });

      it("refuses a body with another checksum than announced", async () => {
        const put = store.put("objects/sum", Buffer.from("abc"), { sha256: sha256(Buffer.from("abd")) });
        await assert.rejects(put, reason("BLOB_CHECKSUM_MISMATCH"));
        assert.equal(await store.find("objects/sum"), undefined);
      });

      it("lets the last writer win, and the first one where the object must be absent", async () => {
        await store.put("objects/twice", Buffer.from("1"));
        await store.put("objects/twice", Buffer.from("2"));
        assert.equal(await read("objects/twice"), "2");
        const late = store.put("objects/twice", Buffer.from("3"), { ifAbsent: true });
        await assert.rejects(late, reason("BLOB_ALREADY_EXISTS"));
        assert.equal(await read("objects/twice"), "2");
      });

      it("lets one of many simultaneous first writers win", async () => {
        const writers = Array.from({ length: 8 }, (_, i) =>
          (i % 2 === 0 ? store : other).put("objects/race", Buffer.from(`writer ${i}`), { ifAbsent: true }).then(
            () => i,
            (error: unknown) => {
              assert.ok(isAppError(error, "BLOB_ALREADY_EXISTS"), String(error));
              return undefined;
            },
          ),
        );
        const winners = (await Promise.all(writers)).filter((i) => i !== undefined);
        assert.equal(winners.length, 1);
        assert.equal(await read("objects/race"), `writer ${winners[0]}`);
      });

      it("lets one of many simultaneous streams win, and tells the others that they lost or may try again", async () => {
        const writers = Array.from({ length: 8 }, (_, i) =>
          store.put("objects/stream-race", Readable.from([Buffer.from(`writer ${i}`)]), { ifAbsent: true }).then(
            () => i,
            (error: unknown) => {
              assert.ok(isAppError(error, "BLOB_ALREADY_EXISTS") || (isAppError(error) && error.kind === "aborted"));
              return undefined;
            },
          ),
        );
        const winners = (await Promise.all(writers)).filter((i) => i !== undefined);
        assert.ok(winners.length <= 1);
        const again = store.put("objects/stream-race", Readable.from([Buffer.from("late")]), { ifAbsent: true });
        if (winners.length === 0) await again;
        else await assert.rejects(again, reason("BLOB_ALREADY_EXISTS"));
        assert.match(
          await read("objects/stream-race"),
          winners.length === 0 ? /^late$/ : new RegExp(`^writer ${winners[0]}$`),
        );
      });

      it("shows another process each write and each deletion at once", async () => {
        const keysSeen = async () => {
          const keys: string[] = [];
          for await (const { key } of other.list("seen/")) keys.push(key);
          return keys;
        };
        for (let round = 0; round < 10; round++) {
          const key = `seen/${round}`;
          await store.put(key, Buffer.from(`first ${round}`));
          assert.deepEqual(await keysSeen(), [key]);
          await store.put(key, Buffer.from(`second ${round}`));
          assert.equal((await buffer((await other.get(key)).body)).toString(), `second ${round}`);
          await store.delete(key);
          assert.equal(await other.find(key), undefined);
          assert.deepEqual(await keysSeen(), []);
        }
      });

      it("shows readers one of the objects that are written at once, whole and with what it says of itself", async () => {
        const versions = [randomBytes(300_000), randomBytes(900_000)];
        const write = async (by: BlobStore, version: Buffer) => {
          for (let round = 0; round < 8; round++) await by.put("objects/swapped", version);
        };
        await store.put("objects/swapped", versions[0] ?? Buffer.alloc(0));
        let isWriting = true;
        const writing = Promise.all(versions.map((version, i) => write(i === 0 ? store : other, version))).finally(
          () => {
            isWriting = false;
          },
        );
        while (isWriting) {
          const { info, body } = await store.get("objects/swapped");
          const bytes = await buffer(body);
          assert.ok(
            versions.some((version) => version.equals(bytes)),
            `${bytes.byteLength} bytes of no version`,
          );
          assert.ok(versions.some(({ byteLength }) => byteLength === info.sizeBytes));
        }
        await writing;
      });

      it("answers a range, cut at the end of the object", async () => {
        const body = randomBytes(2 * 1024 * 1024);
        await store.put("objects/range", body);
        for (const [start, end] of [
          [0, 0],
          [10, 19],
          [1000, 1_999_999],
          [body.byteLength - 5, body.byteLength + 99],
        ] as const) {
          const bytes = await bytesOf("objects/range", { range: { start, end } });
          assert.ok(bytes.equals(body.subarray(start, end + 1)), `${start}-${end}`);
        }
        const past = store.get("objects/range", { range: { start: body.byteLength, end: body.byteLength } });
        await assert.rejects(past, reason("BLOB_RANGE_NOT_SATISFIABLE"));
      });

      it("says that an object is not there", async () => {
        assert.equal(await store.find("objects/none"), undefined);
        await assert.rejects(store.get("objects/none"), reason("BLOB_NOT_FOUND"));
        await assert.rejects(store.getFile("objects/none", join(folder, "none")), reason("BLOB_NOT_FOUND"));
        await store.delete("objects/none");
      });

      it("moves local files in and out", async () => {
        const path = join(folder, "in");
        await writeFile(path, "a local file");
        const info = await store.putFile("objects/file", path, { contentType: "video/mp4", ifAbsent: true });
        assert.equal(info.sha256, sha256(Buffer.from("a local file")));
        await rm(path);
        await store.getFile("objects/file", join(folder, "out"));
        assert.equal(await readFile(join(folder, "out"), "utf8"), "a local file");
        await writeFile(path, "another");
        await assert.rejects(store.putFile("objects/file", path, { ifAbsent: true }), reason("BLOB_ALREADY_EXISTS"));
        const wrong = store.putFile("objects/file2", path, { sha256: sha256(Buffer.from("x")) });
        await assert.rejects(wrong, reason("BLOB_CHECKSUM_MISMATCH"));
      });

      it("keeps a reader's bytes whole while the object is replaced", async () => {
        const first = randomBytes(3 * 1024 * 1024);
        await store.put("objects/replaced", first);
        const reading = (await store.get("objects/replaced")).body[Symbol.asyncIterator]();
        const start = await reading.next();
        assert.ok(start.done !== true);
        const unread = await store.get("objects/replaced");
        await store.put("objects/replaced", Buffer.from("second"));
        const chunks = [start.value];
        for (let next = await reading.next(); next.done !== true; next = await reading.next()) chunks.push(next.value);
        assert.ok(Buffer.concat(chunks).equals(first));
        const late = await buffer(unread.body);
        assert.ok(late.equals(first) || late.toString() === "second");
      });

      it("ends a reading whose signal is aborted, whenever that is, by rejecting and in no other way", async () => {
        const body = randomBytes(3 * 1024 * 1024);
        await store.put("objects/aborted", body);
        const gone = new Error("gone");
        const open = async () => {
          const controller = new AbortController();
          const reading = await store.get("objects/aborted", { signal: controller.signal });
          return { abort: () => controller.abort(gone), reader: reading.body[Symbol.asyncIterator]() };
        };
        const before = AbortSignal.abort(gone);
        await assert.rejects(store.get("objects/aborted", { signal: before }), gone);
        // Never read: an error that nobody takes would fail this test, and end a server.
        const unread = await open();
        unread.abort();
        const unstarted = await open();
        unstarted.abort();
        await assert.rejects(unstarted.reader.next(), gone);
        const begun = await open();
        await begun.reader.next();
        begun.abort();
        await assert.rejects(
          (async () => {
            for (let next = await begun.reader.next(); next.done !== true; ) next = await begun.reader.next();
          })(),
          gone,
        );
        assert.equal((await begun.reader.next()).done, true);
        await setImmediate();
      });
    });

    describeKeys(() => opened);

    describe("multipart uploads", () => {
      it("joins parts that were put to signed URLs in any order", async () => {
        const key = "multipart/film";
        const bodies = [randomBytes(PART_BYTES), randomBytes(PART_BYTES), randomBytes(1234)];
        const id = await store.createMultipart(key, { contentType: "video/mp4" });
        for (const i of [2, 0, 1])
          assert.equal((await putPart(key, id, i + 1, bodies[i] ?? Buffer.alloc(0))).status, 200);
        const parts = await store.listParts(key, id);
        assert.deepEqual(
          parts.map(({ number, sizeBytes, sha256 }) => ({ number, sizeBytes, sha256 })),
          bodies.map((body, i) => ({ number: i + 1, sizeBytes: body.byteLength, sha256: sha256(body) })),
        );
        assert.equal(await store.find(key), undefined);
        const info = await store.completeMultipart(key, id, parts);
        assert.equal(info.sizeBytes, 2 * PART_BYTES + 1234);
        assert.equal(info.contentType, "video/mp4");
        assert.ok((await bytesOf(key)).equals(Buffer.concat(bodies)));
        if (info.sha256 !== undefined) assert.equal(info.sha256, sha256(Buffer.concat(bodies)));

        const again = await store.completeMultipart(key, id, parts);
        assert.equal(again.sizeBytes, info.sizeBytes);
      });

      it("signs for no longer than was asked, and says for how long", async () => {
        const key = "multipart/until";
        const id = await store.createMultipart(key);
        const body = Buffer.from("in time");
        const part = { number: 1, sizeBytes: body.byteLength, sha256: sha256(body) };
        for (const asked of [new Date(Date.now() + 60_000), new Date(Date.now() + 7 * 86_400_000)]) {
          const request = await store.signPart(key, id, { ...part, expiresAt: asked });
          assert.ok(request.expiresAt <= asked && request.expiresAt.getTime() > Date.now());
          assert.equal((await upload(request, body)).status, 200);
        }
        await store.abortMultipart(key, id);
      });

      it("makes one object of an upload that is completed by several at once", async () => {
        const key = "multipart/completed-twice";
        const id = await store.createMultipart(key);
        const body = randomBytes(200_000);
        await putPart(key, id, 1, body);
        const parts = await store.listParts(key, id);
        const answers = await Promise.allSettled(
          [store, other, store].map((by) => by.completeMultipart(key, id, parts)),
        );
        assert.ok(answers.some(({ status }) => status === "fulfilled"));
        assert.equal((await other.completeMultipart(key, id, parts)).sizeBytes, body.byteLength);
        assert.ok((await bytesOf(key)).equals(body));
        await store.put(key, Buffer.from("another object"));
        await assert.rejects(store.completeMultipart(key, id, parts), reason("BLOB_MULTIPART_NOT_FOUND"));
        assert.equal(await read(key), "another object");
      });

      it("replaces a part that is put again", async () => {
        const key = "multipart/again";
        const id = await store.createMultipart(key);
        await putPart(key, id, 1, Buffer.from("first"));
        await putPart(key, id, 1, Buffer.from("second"));
        const parts = await store.listParts(key, id);
        assert.deepEqual(
          parts.map((part) => part.sha256),
          [sha256(Buffer.from("second"))],
        );
        await store.completeMultipart(key, id, parts);
        assert.equal(await read(key), "second");
      });

      it("keeps one version of a part that is put several times at once", async () => {
        const key = "multipart/raced";
        const id = await store.createMultipart(key);
        const versions = Array.from({ length: 8 }, (_, index) => Buffer.from(`version ${index}`));
        await Promise.all(versions.map((version) => putPart(key, id, 1, version)));
        const parts = await store.listParts(key, id);
        assert.equal(parts.length, 1);
        await store.completeMultipart(key, id, parts);
        assert.match(await read(key), /^version \d$/);
      });

      it("keeps nothing of a part whose bytes differ from what was signed", async () => {
        const key = "multipart/wrong";
        const id = await store.createMultipart(key);
        const part = { number: 1, sizeBytes: 5, sha256: sha256(Buffer.from("right")), expiresAt: inAnHour() };
        const request = await store.signPart(key, id, part);
        for (const body of ["wrong", "right and more", "r"]) {
          const response = await upload(request, Buffer.from(body));
          assert.ok(response.status >= 400 && response.status < 500, `${body}: ${response.status}`);
        }
        // Whoever has the URL may send what headers he likes.
        const [name = ""] = Object.keys(request.headers);
        for (const headers of [{}, { [name]: createHash("sha256").update("wrong").digest("base64") }]) {
          const response = await upload({ ...request, headers }, Buffer.from("wrong"));
          assert.ok(response.status >= 400 && response.status < 500, `${JSON.stringify(headers)}: ${response.status}`);
        }
        assert.deepEqual(await store.listParts(key, id), []);
      });

      it("refuses a signed URL that was changed or has expired", async () => {
        const key = "multipart/signed";
        const id = await store.createMultipart(key);
        const body = Buffer.from("right");
        const part = { number: 1, sizeBytes: 5, sha256: sha256(body) };
        const good = await store.signPart(key, id, { ...part, expiresAt: inAnHour() });
        const changed = { ...good, url: good.url.replace("partNumber=1", "partNumber=2") };
        assert.equal((await upload(changed, body)).status, 403);
        const otherKey = { ...good, url: good.url.replace("multipart/signed", "multipart/stolen") };
        assert.equal((await upload(otherKey, body)).status, 403);
        const expired = await store.signPart(key, id, { ...part, expiresAt: new Date(Date.now() - 60_000) });
        assert.equal((await upload(expired, body)).status, 403);
        assert.deepEqual(await store.listParts(key, id), []);
      });

      it("refuses to complete with parts that are missing, changed or out of order", async () => {
        const key = "multipart/incomplete";
        const id = await store.createMultipart(key);
        await putPart(key, id, 1, randomBytes(PART_BYTES));
        await putPart(key, id, 2, Buffer.from("end"));
        const parts = await store.listParts(key, id);
        const missing = [...parts, { number: 3, etag: parts[0]?.etag ?? "" }];
        await assert.rejects(store.completeMultipart(key, id, missing), reason("BLOB_PART_INVALID"));
        await assert.rejects(store.completeMultipart(key, id, [...parts].reverse()), reason("BLOB_PART_INVALID"));
        assert.equal(await store.find(key), undefined);
        await store.completeMultipart(key, id, parts);
      });

      it("frees an aborted upload, and aborting again is no error", async () => {
        const key = "multipart/aborted";
        const id = await store.createMultipart(key);
        await putPart(key, id, 1, Buffer.from("part"));
        await store.abortMultipart(key, id);
        await store.abortMultipart(key, id);
        await assert.rejects(store.listParts(key, id), reason("BLOB_MULTIPART_NOT_FOUND"));
        await assert.rejects(
          store.completeMultipart(key, id, [{ number: 1, etag: "x" }]),
          reason("BLOB_MULTIPART_NOT_FOUND"),
        );
        assert.equal((await putPart(key, id, 2, Buffer.from("late"))).status, 404);
      });
    });

    it("answers a ping", () => store.ping());
  });
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const inAnHour = () => new Date(Date.now() + 3_600_000);
const reason = (expected: string) => (error: unknown) => isAppError(error, expected);
