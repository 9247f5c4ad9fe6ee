import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { systemClock } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import { freePorts } from "#pkg/testkit/ports";
import { refused } from "#pkg/testkit/refused";
import { startS3 } from "#pkg/testkit/s3";
import type { BlobStore } from "./blobstore.ts";
import { openBlobStore } from "./open.ts";
import { openS3BlobStore } from "./s3.ts";

const options = { name: "originals", signingSecret: undefined, clock: systemClock, log: silentLogger };
const credentials = { accessKeyId: "matinee", secretAccessKey: "secret" };
const body = Buffer.from("bytes");

describe("the S3 blob store, when S3 fails", () => {
  let resources: AsyncDisposableStack;

  beforeEach(() => {
    resources = new AsyncDisposableStack();
  });
  afterEach(() => resources.disposeAsync());

  async function openAt(port: number): Promise<BlobStore> {
    const url = `s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:${port}&path-style=true`;
    return resources.use((await openS3BlobStore({ ...options, url, credentials })).store);
  }

  /** A store whose S3 answers as a real one cannot be made to; `asked` says what came. */
  async function openScripted(...script: readonly ((response: ServerResponse, request: IncomingMessage) => void)[]) {
    const asked: string[] = [];
    const server = createServer(async (request, response) => {
      const answer = script[Math.min(asked.length, script.length - 1)];
      asked.push(request.method ?? "");
      await buffer(request);
      answer?.(response, request);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const store = await openAt((server.address() as AddressInfo).port);
    resources.defer(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    return { store, asked };
  }

  const fails = (status: number, code: string) => (response: ServerResponse) =>
    void response.writeHead(status, { "content-type": "application/xml" }).end(`<Error><Code>${code}</Code></Error>`);
  const succeeds = (response: ServerResponse) => void response.writeHead(200, { etag: '"x"' }).end();

  it("says that nobody answers, within seconds, whatever is asked", async () => {
    const [port = 0] = await freePorts(1);
    const store = await openAt(port);
    const startedAt = performance.now();
    const id = "00000000-0000-7000-8000-000000000000.upload";
    const asked = [
      () => store.ping(),
      () => store.find("film"),
      () => store.get("film"),
      () => store.getFile("film", "/nonexistent/film"),
      () => store.put("film", body),
      () => store.put("film", Readable.from([Buffer.alloc(9 << 20), body])),
      () => store.delete("film"),
      () => store.deletePrefix("film"),
      async () => buffer(Readable.from(store.list(""))),
      () => store.createMultipart("film"),
      () => store.listParts("film", id),
      () => store.completeMultipart("film", id, [{ number: 1, etag: "x" }]),
      () => store.abortMultipart("film", id),
    ];
    await Promise.all(asked.map((ask) => assert.rejects(ask(), refused("BLOB_STORE_UNAVAILABLE"), ask.toString())));
    assert.ok(performance.now() - startedAt < 5_000);
  });

  it("says so of a gateway that accepts and never answers, and of one that dies while it is read", async () => {
    await using s3 = await startS3();
    const url = await s3.newBucket();
    const { store } = await openS3BlobStore({ ...options, url, credentials: s3.credentials });
    resources.use(store);
    await store.put("film", Buffer.alloc(40 << 20));
    const reader = (await store.get("film")).body[Symbol.asyncIterator]();
    await reader.next();
    await s3.freeze(true);
    const startedAt = performance.now();
    await assert.rejects(store.ping(), refused("BLOB_STORE_UNAVAILABLE"));
    assert.ok(performance.now() - startedAt < 4_000);
    const gone = new Error("gone");
    await assert.rejects(store.get("film", { signal: abortSoon(gone) }), gone);
    await s3.kill();
    const reading = async () => {
      for (let next = await reader.next(); next.done !== true; ) next = await reader.next();
    };
    await assert.rejects(reading(), refused("BLOB_STORE_UNAVAILABLE"));
  });

  it("says so of a store that breaks off in the middle of an object", async () => {
    const { store } = await openScripted((response) => {
      response.writeHead(200, { "content-length": 10, etag: '"x"', "last-modified": new Date().toUTCString() });
      response.write("half");
      setTimeout(() => response.destroy(), 50);
    });
    const { info, body: half } = await store.get("film");
    assert.equal(info.sizeBytes, 10);
    await assert.rejects(buffer(half), refused("BLOB_STORE_UNAVAILABLE"));
  });

  it("tells a full store apart, by either name", async () => {
    for (const [status, code] of [
      [507, "InsufficientStorage"],
      [403, "QuotaExceeded"],
    ] as const) {
      const { store } = await openScripted(fails(status, code));
      await assert.rejects(store.put("film", body), refused("OUT_OF_SPACE"));
    }
  });

  it("asks again where S3 is busy, and not for ever", async () => {
    const busy = await openScripted(fails(503, "SlowDown"), succeeds);
    assert.equal((await busy.store.put("film", body)).sizeBytes, body.byteLength);
    assert.deepEqual(busy.asked, ["PUT", "PUT"]);
    const broken = await openScripted(fails(500, "InternalError"));
    await assert.rejects(broken.store.put("film", body), refused("BLOB_STORE_UNAVAILABLE"));
    assert.equal(broken.asked.length, 3);
  });

  it("writes again what S3 could not decide, and says so where it stays undecided", async () => {
    const race = fails(409, "ConditionalRequestConflict");
    const won = await openScripted(race, race, succeeds);
    await won.store.put("film", body, { ifAbsent: true });
    assert.equal(won.asked.length, 3);
    const lost = await openScripted(race, fails(412, "PreconditionFailed"));
    await assert.rejects(lost.store.put("film", body, { ifAbsent: true }), refused("BLOB_ALREADY_EXISTS"));
    const stays = await openScripted(race);
    await assert.rejects(stays.store.put("film", body, { ifAbsent: true }), refused("BLOB_WRITE_CONFLICT"));
  });

  it("takes its own object for its own, when the answer to its first attempt was lost", async () => {
    const marks: Record<string, string> = {};
    const keepsAndHangsUp = (response: ServerResponse, request: IncomingMessage) => {
      const names = Object.keys(request.headers).filter((name) => name.startsWith("x-amz-meta-"));
      for (const name of names) marks[name] = String(request.headers[name]);
      response.destroy();
    };
    const head = (response: ServerResponse) => void response.writeHead(200, { ...marks, "content-length": 5 }).end();
    const own = await openScripted(keepsAndHangsUp, fails(412, "PreconditionFailed"), head);
    await own.store.put("film", body, { ifAbsent: true });
    assert.deepEqual(own.asked, ["PUT", "PUT", "HEAD"]);
    const anothers = await openScripted(
      (response) => void response.destroy(),
      fails(412, "PreconditionFailed"),
      (response) => void response.writeHead(200, { "content-length": 5 }).end(),
    );
    await assert.rejects(anothers.store.put("film", body, { ifAbsent: true }), refused("BLOB_ALREADY_EXISTS"));
  });

  it("refuses a URL that says what it does not know, or too little", async () => {
    const bad = [
      "s3:",
      "s3:///prefix",
      "s3://key:secret@bucket?region=us-east-1",
      "s3://bucket:80?region=us-east-1",
      "s3://bucket/a//b?region=us-east-1",
      "s3://bucket?region=us-east-1&pathstyle=true",
      "s3://bucket?region=us-east-1&path-style=yes",
      "s3://bucket?region=us-east-1&endpoint=localhost:9000",
    ];
    for (const url of bad) {
      const opening = openBlobStore(url, options);
      await assert.rejects(opening, refused("BLOB_STORE_URL_INVALID", "BLOB_KEY_INVALID"), url);
    }
    const opened = await openBlobStore("s3://bucket/a/b/?region=us-east-1", options);
    assert.deepEqual(opened.routes, []);
    await opened.store[Symbol.asyncDispose]();
  });
});

/** Aborted in a moment. */
function abortSoon(reason: Error): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 20);
  return controller.signal;
}
