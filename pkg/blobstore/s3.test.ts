import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { systemClock } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import { eventually } from "#pkg/testkit/eventually";
import { startMoto } from "#pkg/testkit/moto";
import { refused } from "#pkg/testkit/refused";
import { startS3, type TestS3 } from "#pkg/testkit/s3";
import type { BlobStore } from "./blobstore.ts";
import { describeBlobStore } from "./conformance.ts";
import { describeKeys } from "./conformance-keys.ts";
import { openS3BlobStore, type S3BlobStoreOptions } from "./s3.ts";
import { parseS3Url } from "./s3-client.ts";

const options = { name: "originals", signingSecret: undefined, clock: systemClock, log: silentLogger };
const MiB = 1024 * 1024;

describeBlobStore("s3", async () => {
  const s3 = await startS3();
  const where = { ...options, url: await s3.newBucket("films"), credentials: s3.credentials };
  const [{ store }, { store: other }] = [await openS3BlobStore(where), await openS3BlobStore(where)];
  return {
    store,
    other,
    hasPathsForKeys: true,
    origin: "http://unused.invalid",
    async [Symbol.asyncDispose]() {
      await other[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await s3[Symbol.asyncDispose]();
    },
  };
});

describe("blob store: s3, where keys need not be paths", () => {
  let resources: AsyncDisposableStack;
  let store: BlobStore;

  before(async () => {
    resources = new AsyncDisposableStack();
    const { environment } = resources.use(await startMoto());
    const { AWS_ENDPOINT_URL: endpoint = "", AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" } = environment;
    const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
    const client = new S3Client({ region: "us-east-1", endpoint, credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: "films" }));
    client.destroy();
    const url = `s3://films/prefix?${new URLSearchParams({ region: "us-east-1", endpoint, "path-style": "true" })}`;
    store = resources.use((await openS3BlobStore({ ...options, url, credentials })).store);
  });
  after(() => resources.disposeAsync());

  describeKeys(() => ({ store }));
});

describe("the S3 blob store", () => {
  let s3: TestS3;
  let resources: AsyncDisposableStack;
  let url: string;
  let store: BlobStore;

  before(async () => {
    s3 = await startS3();
  });
  after(() => s3?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    resources = new AsyncDisposableStack();
    url = await s3.newBucket("a/prefix");
    store = await open();
  });
  afterEach(() => resources.disposeAsync());

  async function open(own: Partial<S3BlobStoreOptions> = {}): Promise<BlobStore> {
    const opened = await openS3BlobStore({ ...options, url, credentials: s3.credentials, ...own });
    assert.deepEqual(opened.routes, []);
    return resources.use(opened.store);
  }

  /** Multipart uploads that are neither complete nor aborted. */
  async function unfinished(): Promise<number> {
    const { bucket, region = "", endpoint = "" } = parseS3Url(url);
    const client = new S3Client({ region, endpoint, credentials: s3.credentials, forcePathStyle: true });
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    client.destroy();
    return Uploads.length;
  }

  const bytesOf = async (key: string) => buffer((await store.get(key)).body);
  const streamOf = (bytes: Uint8Array) => Readable.from([bytes.subarray(0, 3 * MiB), bytes.subarray(3 * MiB)]);

  it("writes what is larger than a piece in several, and joins them", async () => {
    const film = randomBytes(20 * MiB + 1);
    const info = await store.put("film", streamOf(film), { contentType: "video/mp4", sha256: sha256(film) });
    assert.deepEqual([info.sizeBytes, info.sha256], [film.byteLength, sha256(film)]);
    assert.ok((await bytesOf("film")).equals(film));
    assert.equal((await store.find("film"))?.sha256, sha256(film));
    assert.equal((await store.find("film"))?.contentType, "video/mp4");
    // Exactly two pieces: the second is the last.
    await store.put("even", streamOf(film.subarray(0, 16 * MiB)));
    assert.ok((await bytesOf("even")).equals(film.subarray(0, 16 * MiB)));
    assert.equal(await unfinished(), 0);
  });

  it("leaves nothing of a large object that breaks, is given up, differs or is there already", async () => {
    const film = randomBytes(20 * MiB);
    const abort = new AbortController();
    const breaking = (end: () => void) =>
      Readable.from(
        (async function* () {
          yield film;
          end();
          yield film;
        })(),
      );
    const breaks = () => {
      throw new Error("the client is gone");
    };
    await assert.rejects(store.put("film", breaking(breaks)), /the client is gone/);
    const gone = new Error("given up");
    const givenUp = store.put(
      "film",
      breaking(() => abort.abort(gone)),
      { signal: abort.signal },
    );
    await assert.rejects(givenUp, gone);
    const other = store.put("film", streamOf(film), { sha256: sha256(film.subarray(1)) });
    await assert.rejects(other, refused("BLOB_CHECKSUM_MISMATCH"));
    assert.equal(await store.find("film"), undefined);
    await store.put("film", Buffer.from("first"));
    const second = store.put("film", streamOf(film), { ifAbsent: true });
    await assert.rejects(second, refused("BLOB_ALREADY_EXISTS"));
    assert.equal(await unfinished(), 0);
  });

  it("lets one of many large first writers win, and leaves nothing of the others", async () => {
    const films = [0, 1, 2].map(() => randomBytes(9 * MiB));
    const puts = await Promise.allSettled(films.map((film) => store.put("film", streamOf(film), { ifAbsent: true })));
    const winners = films.filter((_, i) => puts[i]?.status === "fulfilled");
    assert.equal(winners.length, 1);
    assert.ok((await bytesOf("film")).equals(winners[0] ?? Buffer.alloc(0)));
    for (const put of puts) if (put.status === "rejected") assert.ok(refused("BLOB_ALREADY_EXISTS")(put.reason));
    assert.equal(await unfinished(), 0);
  });

  it("takes no more from a stream than it can send", async () => {
    const chunk = Buffer.alloc(MiB);
    let pulled = 0;
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          pulled++;
          if (pulled === 12) await s3.freeze(true);
          if (pulled > 100) throw new Error("it takes whatever there is");
          yield chunk;
        }
      })(),
      { highWaterMark: 1 },
    );
    const abort = new AbortController();
    const put = store.put("endless", endless, { signal: abort.signal });
    put.catch(() => {});
    let before = 0;
    await eventually("it stops", async () => {
      const stood = pulled > 12 && pulled === before;
      before = pulled;
      await systemClock.sleep(100);
      return stood;
    });
    const gone = new Error("given up");
    abort.abort(gone);
    await s3.freeze(false);
    await assert.rejects(put, gone);
    // One piece is sent and one waits behind it.
    assert.ok(pulled <= 12 + 2 * 8, `${pulled} MiB were taken`);
    assert.equal(await unfinished(), 0);
    assert.equal(await store.find("endless"), undefined);
  });

  it("moves large files in and out, and leaves no half of one that was given up", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-s3-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const film = randomBytes(20 * MiB);
    await writeFile(join(folder, "film"), film);
    const info = await store.putFile("film", join(folder, "film"), { ifAbsent: true });
    assert.equal(info.sha256, sha256(film));
    await store.getFile("film", join(folder, "out"));
    await assert.rejects(store.getFile("film", join(folder, "out")), { code: "EEXIST" });
    const abort = new AbortController();
    const reading = store.getFile("film", join(folder, "half"), { signal: abort.signal });
    setTimeout(() => abort.abort(new Error("given up")), 2);
    await assert.rejects(reading, /given up/);
    await writeFile(join(folder, "half"), "", { flag: "wx" });
  });

  it("lists and deletes in pages, below its own prefix only", async () => {
    const { bucket } = parseS3Url(url);
    const folder = join(s3.folder, "data", bucket, "a/prefix");
    // Put where the gateway keeps its objects: faster than thousands of requests.
    for (const below of ["many", "others"]) {
      await mkdir(join(folder, below), { recursive: true });
      const names = Array.from({ length: below === "many" ? 2_100 : 3 }, (_, i) => String(i).padStart(5, "0"));
      await Promise.all(names.map((name) => writeFile(join(folder, below, name), "x")));
    }
    await writeFile(join(s3.folder, "data", bucket, "a", "prefix-not"), "x");
    const keys: string[] = [];
    for await (const { key } of store.list("many/")) keys.push(key);
    assert.equal(keys.length, 2_100);
    assert.deepEqual(keys, [...keys].sort());
    await store.deletePrefix("many/");
    const left: string[] = [];
    for await (const { key } of store.list("")) left.push(key);
    assert.deepEqual(left, ["others/00000", "others/00001", "others/00002"]);
    assert.equal(
      await (await open({ url: url.replace("/a/prefix", "/a") })).find("prefix-not").then((i) => i?.sizeBytes),
      1,
    );
  });

  it("signs for no longer than its credentials live", async () => {
    const endsAt = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 20 * 60_000);
    const role = await open({ credentials: async () => ({ ...s3.credentials, expiration: endsAt }) });
    const id = await role.createMultipart("film");
    const part = { number: 1, sizeBytes: 1, sha256: sha256(Buffer.from("x")) };
    const signed = await role.signPart("film", id, { ...part, expiresAt: new Date(Date.now() + 3_600_000) });
    assert.deepEqual(signed.expiresAt, endsAt);
    const sent = await fetch(signed.url, { method: "PUT", headers: signed.headers, body: "x" });
    assert.equal(sent.status, 200);
    const long = await store.signPart("film", id, { ...part, expiresAt: new Date(Date.now() + 30 * 86_400_000) });
    assert.ok(long.expiresAt.getTime() <= Date.now() + 7 * 86_400_000);
    const again = await fetch(long.url, { method: "PUT", headers: long.headers, body: "x" });
    assert.equal(again.status, 200);
  });

  it("holds no connection for one who leaves in the middle, nor for one who never comes", async () => {
    const film = Buffer.alloc(100 * MiB, "film");
    await (await open()).put("film", film);
    await resources.disposeAsync();
    await eventually("the writer's connections are closed", () => s3.connections() === 0);
    resources = new AsyncDisposableStack();
    store = await open();

    const leaving = [];
    for (let i = 0; i < 4; i++) {
      const reader = (await store.get("film")).body[Symbol.asyncIterator]();
      assert.equal((await reader.next()).done, false);
      leaving.push(reader);
    }
    assert.equal(s3.connections(), 4);
    for (const reader of leaving) await reader.return?.();
    await eventually("those who left are gone", () => s3.connections() === 0);

    const abort = new AbortController();
    await store.get("film", { signal: abort.signal });
    assert.equal(s3.connections(), 1);
    abort.abort();
    await eventually("one who was stopped before is gone", () => s3.connections() === 0);

    const { body } = await store.get("film", { range: { start: 0, end: 20 * MiB - 1 } });
    assert.equal(s3.connections(), 1);
    await eventually("one who did not come is gone", () => s3.connections() === 0);
    assert.ok((await buffer(body)).equals(film.subarray(0, 20 * MiB)), "and who comes late is served");
  });

  it("tells credentials that are refused apart from a store that is away", async () => {
    const wrong = await open({ credentials: { accessKeyId: "matinee", secretAccessKey: "wrong" } });
    const none = await open({
      credentials: () => Promise.reject(Object.assign(new Error("none"), { name: "CredentialsProviderError" })),
    });
    for (const denied of [wrong, none]) {
      await assert.rejects(denied.ping(), refused("BLOB_STORE_ACCESS_DENIED"));
      await assert.rejects(denied.find("film"), refused("BLOB_STORE_ACCESS_DENIED"));
      await assert.rejects(denied.get("film"), refused("BLOB_STORE_ACCESS_DENIED"));
      await assert.rejects(denied.put("film", Buffer.from("x")), refused("BLOB_STORE_ACCESS_DENIED"));
    }
    const elsewhere = await open({ url: url.replace(/s3:\/\/[^/]+/, "s3://no-such-bucket") });
    await assert.rejects(elsewhere.ping(), refused("BLOB_STORE_UNAVAILABLE"));
    await assert.rejects(elsewhere.put("film", Buffer.from("x")), refused("BLOB_STORE_UNAVAILABLE"));
  });
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
