import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, link, mkdir, mkdtemp, readdir, readlink, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { systemClock } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import type { Call, Route } from "#pkg/rpc/call";
import { describeBlobStore } from "./conformance.ts";
import { openBlobStore } from "./open.ts";
import type { OpenedBlobStore } from "./opened.ts";

const signingSecret = new Uint8Array(32).fill(7);
const options = { name: "originals", signingSecret, clock: systemClock, log: silentLogger };

describeBlobStore("file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "matinee-blobs-"));
  const opened = await openBlobStore(pathToFileURL(folder).href, options);
  const { store: other } = await openBlobStore(pathToFileURL(folder).href, options);
  const served = await serve(opened);
  return {
    store: opened.store,
    other,
    origin: served.origin,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      await opened.store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describe("the file blob store", () => {
  let folder: string;
  let opened: OpenedBlobStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-blobs-"));
    opened = await openBlobStore(pathToFileURL(folder).href, options);
  });
  afterEach(async () => {
    await opened.store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Makes it as if whoever has the store open had said so this long ago for the last time. */
  async function lastSeen(agoMs: number): Promise<void> {
    const at = new Date(Date.now() - agoMs);
    for (const opening of await readdir(join(folder, "tmp"))) await utimes(join(folder, "tmp", opening), at, at);
  }

  it("holds no file for a reader that never comes, nor for one that was stopped", async () => {
    await opened.store.put("film", randomBytes(3_000_000));
    const held = async () => {
      const names = await readdir("/proc/self/fd");
      const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
      return targets.filter((target) => target.startsWith(folder)).length;
    };
    for (let count = 0; count < 20; count++) {
      const controller = new AbortController();
      await opened.store.get("film");
      await opened.store.get("film", { signal: controller.signal });
      for await (const _chunk of (await opened.store.get("film", { signal: controller.signal })).body) break;
      controller.abort();
    }
    assert.equal(await held(), 0);
  });

  it("keeps a folder that it makes to its owner, and leaves one that it finds as it is", async () => {
    const made = join(folder, "below", "originals");
    await using opened = (await openBlobStore(pathToFileURL(made).href, options)).store;
    await opened.ping();
    assert.equal((await stat(made)).mode & 0o777, 0o700);
    await chmod(folder, 0o750);
    await using again = (await openBlobStore(pathToFileURL(folder).href, options)).store;
    await again.ping();
    assert.equal((await stat(folder)).mode & 0o777, 0o750);
  });

  it("links local files in and out on one file system", async () => {
    const path = join(folder, "film");
    await writeFile(path, "film");
    await opened.store.putFile("film", path);
    await opened.store.getFile("film", join(folder, "copy"));
    assert.equal((await stat(join(folder, "copy"))).ino, (await stat(path)).ino);
  });

  it("leaves no file behind an object that was replaced or deleted", async () => {
    await opened.store.put("a/b/c", Buffer.from("1"));
    await opened.store.put("a/b/c", Buffer.from("2"));
    assert.equal((await filesBelow(join(folder, "data"))).length, 1);
    await opened.store.delete("a/b/c");
    assert.deepEqual(await filesBelow(folder), []);
    assert.deepEqual(await readdir(join(folder, "objects")), []);
  });

  it("shares its folder with another process", async () => {
    const other = await openBlobStore(pathToFileURL(folder).href, options);
    await opened.store.put("shared", Buffer.from("x"), { ifAbsent: true });
    assert.equal((await other.store.find("shared"))?.sizeBytes, 1);
    await other.store.put("shared", Buffer.from("yy"));
    assert.equal((await opened.store.find("shared"))?.sizeBytes, 2);
  });

  it("shows no object of a put that was killed, and sweeps what it left a minute later", async () => {
    const script = `
      import { openBlobStore } from "#pkg/blobstore/open";
      import { ManualClock, systemClock } from "#pkg/clock/clock";
      import { Readable } from "node:stream";
      const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
      const { store } = await openBlobStore(${JSON.stringify(pathToFileURL(folder).href)}, {
        name: "originals", signingSecret: new Uint8Array(32), clock: systemClock, log });
      await store.put("film", Readable.from((async function* () {
        for (let i = 0; ; i++) { yield Buffer.alloc(1 << 20); if (i === 3) process.stdout.write("writing"); }
      })()));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "close");
    assert.equal(await opened.store.find("film"), undefined);
    const left = await filesBelow(join(folder, "tmp"));
    assert.equal(left.length, 1);
    await using _living = (await openBlobStore(pathToFileURL(folder).href, options)).store;
    assert.equal((await filesBelow(join(folder, "tmp"))).length, 1, "it may have been alive a moment ago");
    await lastSeen(120_000);
    await using _next = (await openBlobStore(pathToFileURL(folder).href, options)).store;
    assert.deepEqual(await filesBelow(folder), []);
  });

  it("sweeps a multipart upload that nobody has touched for two months, and no other", async () => {
    const [forgotten, kept] = [await opened.store.createMultipart("a"), await opened.store.createMultipart("b")];
    const at = new Date(Date.now() - 61 * 24 * 3_600_000);
    await utimes(join(folder, "multipart", forgotten), at, at);
    await using _next = (await openBlobStore(pathToFileURL(folder).href, options)).store;
    assert.deepEqual(await readdir(join(folder, "multipart")), [kept]);
  });

  it("frees the bytes of a put that was killed between its data and its entry", async () => {
    // What such a process leaves: the bytes under two names, and the description that was not linked yet.
    const id = "0190aaaa-0000-7000-8000-0000000000ab";
    await opened.store.put("film", Buffer.from("the object that stays"));
    const dead = join(folder, "tmp", "dead");
    await mkdir(dead);
    await writeFile(join(dead, id), "bytes");
    await mkdir(join(folder, "data", "ab"), { recursive: true });
    await link(join(dead, id), join(folder, "data", "ab", id));
    await writeFile(join(dead, `${id}.json`), JSON.stringify({ key: "film", data: id }));
    await lastSeen(120_000);
    await using _next = (await openBlobStore(pathToFileURL(folder).href, options)).store;
    assert.equal((await filesBelow(join(folder, "data"))).length, 1);
    assert.equal((await opened.store.find("film"))?.sizeBytes, 21);
  });

  it("keeps a part's bytes out of memory and answers S3's error names", async () => {
    const served = await serve(opened);
    const body = randomBytes(8 * 1024 * 1024);
    const sha256 = createHash("sha256").update(body).digest("hex");
    const id = await opened.store.createMultipart("film");
    const expiresAt = new Date(Date.now() + 60_000);
    const part = { number: 1, sizeBytes: body.byteLength, sha256, expiresAt };
    const signed = await opened.store.signPart("film", id, part);
    const put = async (bytes: Uint8Array, headers = signed.headers) => {
      const response = await fetch(new URL(signed.url, served.origin), {
        method: "PUT",
        headers,
        body: new Uint8Array(bytes),
      });
      const text = await response.text();
      return { status: response.status, etag: response.headers.get("etag"), code: text && JSON.parse(text).code };
    };
    const flipped = Buffer.from(body);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    assert.deepEqual(await put(flipped), { status: 400, etag: null, code: "BadDigest" });
    assert.deepEqual(await put(body.subarray(1)), { status: 400, etag: null, code: "EntityTooSmall" });
    assert.deepEqual(await put(Buffer.concat([body, body])), { status: 400, etag: null, code: "EntityTooLarge" });
    assert.deepEqual(await put(body, { "x-amz-checksum-sha256": "AAAA" }), {
      status: 400,
      etag: null,
      code: "BadDigest",
    });
    assert.deepEqual(await put(body), { status: 200, etag: `"${sha256}"`, code: "" });
    assert.deepEqual(await filesBelow(join(folder, "tmp")), []);
    await served[Symbol.asyncDispose]();
  });

  it("keeps nothing of a part whose client went away", async () => {
    const served = await serve(opened);
    const id = await opened.store.createMultipart("film");
    const part = { number: 1, sizeBytes: 1_000_000, sha256: "a".repeat(64), expiresAt: new Date(Date.now() + 60_000) };
    const signed = await opened.store.signPart("film", id, part);
    const request = httpRequest(new URL(signed.url, served.origin), {
      method: "PUT",
      headers: { ...signed.headers, "content-length": 1_000_000 },
    });
    request.on("error", () => {});
    request.write(Buffer.alloc(100_000));
    await until(async () => (await filesBelow(join(folder, "tmp"))).length === 1);
    request.destroy();
    await until(async () => (await filesBelow(join(folder, "tmp"))).length === 0);
    assert.deepEqual(await opened.store.listParts("film", id), []);
    await served[Symbol.asyncDispose]();
  });
});

/** The smallest server that can carry the store's routes. */
async function serve({ routes }: OpenedBlobStore): Promise<AsyncDisposable & { readonly origin: string }> {
  const [route] = routes as [Route];
  const prefix = route.path.replace("{key...}", "");
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://host").pathname;
    assert.ok(request.method === route.method && path.startsWith(prefix));
    route.handle(request, response, {} as Call, { key: path.slice(prefix.length) }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  const children = await readdir(folder, { withFileTypes: true, recursive: true });
  return children.filter((child) => child.isFile()).map((child) => join(child.parentPath, child.name));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(5);
}
