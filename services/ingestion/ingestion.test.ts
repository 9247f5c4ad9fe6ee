import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { Protection } from "#gen/matinee/common/v1/media_pb";
import { type Asset, Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { AssetDeletedSchema, AssetIngestedSchema, AssetRejectedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { type SignedPart, type Upload, Upload_State } from "#gen/matinee/ingestion/v1/upload_pb";
import { type AppError, isAppError } from "#pkg/errors/errors";
import { makeFilm as makeFilmAt } from "#pkg/media/fixtures";
import { eventually } from "#pkg/testkit/eventually";
import { account, creator, openModules, operator, service, type TestPlatform } from "#pkg/testkit/module";
import { ingestion } from "./module.ts";

const PART_BYTES = 5 * 1024 * 1024;

describe("ingestion", function () {
  this.timeout(60_000);
  let platform: TestPlatform;
  let folder: string;
  /** Noise, so that a second at 24000/1001 needs two parts; and two languages of sound. */
  let film: Buffer;
  const owner = randomUUID();
  let client: Client<typeof IngestionService>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-ingestion-"));
    film = await makeFilm("film.mp4", [
      ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24000/1001:duration=1,noise=alls=90:allf=t+u"],
      ["-f", "lavfi", "-i", "sine=frequency=440:duration=1"],
      ["-f", "lavfi", "-i", "sine=frequency=880:duration=1"],
      ["-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"],
      ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "3", "-pix_fmt", "yuv420p", "-c:a", "aac"],
    ]);
    platform = await openModules([ingestion], { settings: { INGESTION_PART_SIZE_BYTES: String(PART_BYTES) } });
    client = platform.client(IngestionService, { as: creator({ accountId: owner }) });
  });

  after(async () => {
    await platform?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  describe("a good film", () => {
    it("goes in by parts, is verified, probed and archived, and is announced once", async () => {
      const upload = await begin(film, "🎬 holiday.mov");
      assert.equal(upload.partCount, 2);
      assert.equal(upload.state, Upload_State.ACTIVE);
      await putAll(upload, film);
      const completed = await complete(upload, film);
      assert.equal(completed.state, Asset_State.INSPECTING);
      assert.equal(completed.sha256, "");

      const asset = await settled(completed.name);
      assert.equal(asset.state, Asset_State.READY, asset.rejection?.message);
      assert.equal(asset.fileName, "🎬 holiday.mov");
      assert.equal(asset.sha256, sha256(film));
      assert.equal(asset.protection, Protection.CBCS);
      assert.equal(asset.owner, `accounts/${owner}`);
      assert.equal(asset.media?.video?.frameRate?.numerator, 24000n);
      assert.equal(asset.media?.video?.frameRate?.denominator, 1001n);
      assert.equal(asset.media?.video?.frameCount, 24n);
      assert.deepEqual(
        asset.media?.audio.map((track) => track.language),
        ["en", "de"],
      );

      const event = await platform.nextEvent(AssetIngestedSchema, (one) => one.asset === asset.name);
      assert.equal(event.original?.sha256, sha256(film));
      assert.deepEqual(event.media, asset.media);
      const archived = await blobsOf(asset.name);
      assert.deepEqual(archived, [event.original?.key]);
      assert.equal((await client.getUpload({ name: upload.name })).upload?.state, Upload_State.COMPLETED);

      const again = await complete(upload, film);
      assert.equal(again.etag, asset.etag);
      const other = client.completeUpload({ name: upload.name, sha256: sha256(Buffer.from("other")) });
      await assert.rejects(other, reason("UPLOAD_COMPLETED_OTHERWISE"));
      assert.equal(platform.events(AssetIngestedSchema).filter((one) => one.asset === asset.name).length, 1);
    });

    it("is removed with its blobs, and the removal is announced", async () => {
      const asset = await ingest(film, "gone.mov");
      assert.equal(asset.state, Asset_State.READY);
      const deleted = await client.deleteAsset({ name: asset.name });
      assert.equal(deleted.asset?.state, Asset_State.DELETED);
      await platform.nextEvent(AssetDeletedSchema, (one) => one.asset === asset.name);
      await nothingLeft(asset.name);
      const again = await client.deleteAsset({ name: asset.name });
      assert.equal(again.asset?.etag, deleted.asset?.etag);
      assert.ok(deleted.asset?.purgeTime);
      assert.deepEqual(again.asset?.purgeTime, deleted.asset.purgeTime);
      const { assets } = await client.listAssets({});
      assert.ok(!assets.some((one) => one.name === asset.name));
    });
  });

  describe("an upload", () => {
    it("is made once for one request id", async () => {
      const request = {
        fileName: "same.mov",
        sizeBytes: 10n,
        protection: Protection.CLEAR,
        requestId: randomUUID(),
      };
      const made = await Promise.all(Array.from({ length: 5 }, () => client.createUpload(request)));
      assert.equal(new Set(made.map(({ upload }) => upload?.name)).size, 1);
      const other = client.createUpload({ ...request, sizeBytes: 11n });
      await assert.rejects(other, reason("UPLOAD_REQUEST_REUSED"));
      // The same id of another person is another request.
      const stranger = platform.client(IngestionService, { as: creator() });
      const theirs = await stranger.createUpload(request);
      assert.notEqual(theirs.upload?.name, made[0]?.upload?.name);
    });

    it("refuses an empty file before it starts", async () => {
      const request = client.createUpload({ fileName: "empty.mp4", sizeBytes: 0n, requestId: randomUUID() });
      await assert.rejects(request, reason("VALIDATION_FAILED"));
    });

    it("keeps emoji in the file's name and drops what could be a path or mislead", async () => {
      const { upload } = await client.createUpload({
        fileName: "../../..\\etc/🎬 fi\u202elm\u0007.mp4",
        sizeBytes: 10n,
        requestId: randomUUID(),
      });
      assert.equal(upload?.fileName, "🎬 film.mp4");
    });

    it("says which parts are stored, so that a client that lost its memory goes on", async () => {
      const upload = await begin(film);
      await putPart(upload, film, 2);
      const listed = await client.listUploadParts({ name: upload.name });
      assert.deepEqual(
        listed.parts.map((part) => ({ ...part, $typeName: undefined })),
        [
          {
            number: 2,
            sizeBytes: BigInt(film.length - PART_BYTES),
            sha256: sha256(partOf(film, 2)),
            $typeName: undefined,
          },
        ],
      );
      await assert.rejects(complete(upload, film), (error) => {
        assert.ok(isAppError(error, "UPLOAD_PARTS_MISSING"));
        assert.equal(error.message, "Part 1 must be stored first.");
        assert.equal(error.metadata.parts, "1");
        return true;
      });
      await putPart(upload, film, 1);
      const asset = await settled((await complete(upload, film)).name);
      assert.equal(asset.state, Asset_State.READY);
    });

    it("pages through stored parts", async () => {
      const upload = await begin(film);
      await putAll(upload, film);
      const first = await client.listUploadParts({ name: upload.name, pageSize: 1 });
      assert.deepEqual(
        first.parts.map((part) => part.number),
        [1],
      );
      const second = await client.listUploadParts({ name: upload.name, pageSize: 1, pageToken: first.nextPageToken });
      assert.deepEqual(
        second.parts.map((part) => part.number),
        [2],
      );
      assert.equal(second.nextPageToken, "");
    });

    it("does not sign parts that it does not have", async () => {
      const upload = await begin(film);
      const request = client.signUploadParts({ name: upload.name, parts: [{ number: 3, sha256: sha256(film) }] });
      await assert.rejects(request, reason("UPLOAD_PART_INVALID"));
    });

    it("keeps nothing of a part with a wrong checksum, and takes the right bytes afterwards", async () => {
      const upload = await begin(film);
      const bytes = Buffer.from(partOf(film, 1));
      const part = await sign(upload, 1, bytes);
      bytes[1234] = (bytes[1234] ?? 0) ^ 1;
      const response = await put(part, bytes);
      assert.equal(response.status, 400);
      assert.match(await response.text(), /SHA-256/);
      assert.deepEqual((await client.listUploadParts({ name: upload.name })).parts, []);
      await putAll(upload, film);
      assert.equal((await settled((await complete(upload, film)).name)).state, Asset_State.READY);
    });

    it("is given up with everything that came in", async () => {
      const upload = await begin(film);
      await putPart(upload, film, 1);
      const { upload: aborted } = await client.abortUpload({ name: upload.name });
      assert.equal(aborted?.state, Upload_State.ABORTED);
      assert.equal((await client.abortUpload({ name: upload.name })).upload?.state, Upload_State.ABORTED);
      await assert.rejects(sign(upload, 1, film), reason("UPLOAD_NOT_ACTIVE"));
      await assert.rejects(complete(upload, film), reason("UPLOAD_NOT_ACTIVE"));
      await nothingLeft(upload.asset);
    });

    it("cannot be given up once it is complete", async () => {
      const upload = await begin(film);
      await putAll(upload, film);
      const asset = await complete(upload, film);
      await assert.rejects(client.abortUpload({ name: upload.name }), reason("UPLOAD_NOT_ACTIVE"));
      assert.equal((await settled(asset.name)).state, Asset_State.READY);
    });

    it("expires with its parts when it is not finished in time", async () => {
      await using short = await openModules([ingestion], {
        settings: { INGESTION_PART_SIZE_BYTES: String(PART_BYTES), INGESTION_UPLOAD_TTL: "1s" },
      });
      const as = short.client(IngestionService, { as: creator({ accountId: owner }) });
      const { upload } = await as.createUpload({
        fileName: "slow.mov",
        sizeBytes: BigInt(film.length),
        requestId: randomUUID(),
      });
      assert.ok(upload);
      const bytes = partOf(film, 1);
      const { parts } = await as.signUploadParts({ name: upload.name, parts: [{ number: 1, sha256: sha256(bytes) }] });
      assert.ok(parts[0]);
      await fetch(new URL(parts[0].url, short.url), { method: "PUT", headers: parts[0].headers, body: bytes });
      await eventually("the upload has expired", async () => {
        return (await as.getUpload({ name: upload.name })).upload?.state === Upload_State.EXPIRED;
      });
      await assert.rejects(as.completeUpload({ name: upload.name, sha256: sha256(film) }), reason("UPLOAD_NOT_ACTIVE"));
      await eventually("its parts are gone", async () => (await filesBelow(join(short.data, "blobs"))).length === 0);
    });
  });

  describe("what is no film", () => {
    const cases: readonly {
      readonly what: string;
      readonly name: string;
      readonly reason: string;
      readonly bytes: () => Promise<Buffer> | Buffer;
    }[] = [
      {
        what: "text",
        name: "text.mp4",
        reason: "MEDIA_NOT_RECOGNISED",
        bytes: () => Buffer.from("To be or not\n".repeat(99)),
      },
      { what: "noise", name: "noise.mp4", reason: "MEDIA_NOT_RECOGNISED", bytes: () => randomBytes(100_000) },
      {
        what: "a film that is cut short",
        name: "cut.mp4",
        reason: "MEDIA_TRUNCATED",
        bytes: async () => {
          const whole = await makeFilm("whole.mp4", [
            ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4"],
            ["-c:v", "libx264", "-preset", "ultrafast", "-movflags", "+faststart"],
          ]);
          return whole.subarray(0, Math.floor(whole.length / 2));
        },
      },
      {
        what: "sound alone",
        name: "sound.mp4",
        reason: "MEDIA_NO_VIDEO",
        bytes: () =>
          makeFilm("sound.mp4", [
            ["-f", "lavfi", "-i", "sine=duration=1"],
            ["-c:a", "aac"],
          ]),
      },
      {
        what: "one picture",
        name: "one.mp4",
        reason: "MEDIA_TOO_SHORT",
        bytes: () =>
          makeFilm("one.mp4", [
            ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"],
            ["-frames:v", "1", "-c:v", "libx264", "-preset", "ultrafast"],
          ]),
      },
    ];
    for (const { what, name, reason: expected, bytes } of cases) {
      it(`is refused with ${expected}, and nothing stays: ${what}`, async () => {
        await refused(await bytes(), name, expected);
      });
    }

    it("is refused where the whole differs from what the client read, though every part arrived", async () => {
      const upload = await begin(film);
      await putAll(upload, film);
      const claimed = sha256(Buffer.from("what the client read at first"));
      const { asset } = await client.completeUpload({ name: upload.name, sha256: claimed });
      assert.ok(asset);
      await rejectedAs(asset.name, "UPLOAD_CHECKSUM_MISMATCH");
    });

    it("never reads what a playlist named .mp4 names", async () => {
      const visitors: string[] = [];
      const server = createServer((request, response) => {
        visitors.push(request.url ?? "");
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const inside = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const local = join(folder, "local.mov");
        await writeFile(local, film);
        const hls = (uri: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${uri}\n#EXT-X-ENDLIST\n`;
        const playlists = [
          hls(`${inside}/secret.ts`),
          hls(`file://${local}`),
          hls(local),
          `ffconcat version 1.0\nfile '${local}'\n`,
          `ffconcat version 1.0\nfile '${inside}/secret.mov'\n`,
        ];
        for (const playlist of playlists) {
          await refused(Buffer.from(playlist), "playlist.mp4", "MEDIA_NOT_RECOGNISED");
        }
        assert.deepEqual(visitors, []);
      } finally {
        server.close();
      }
    });
  });

  describe("callers", () => {
    it("see their own assets and uploads only, and cannot tell a stranger's from none", async () => {
      const upload = await begin(film);
      const stranger = platform.client(IngestionService, { as: creator() });
      const name = upload.name;
      await assert.rejects(stranger.getUpload({ name }), reason("UPLOAD_NOT_FOUND"));
      await assert.rejects(stranger.listUploadParts({ name }), reason("UPLOAD_NOT_FOUND"));
      await assert.rejects(stranger.abortUpload({ name }), reason("UPLOAD_NOT_FOUND"));
      await assert.rejects(stranger.completeUpload({ name, sha256: sha256(film) }), reason("UPLOAD_NOT_FOUND"));
      await assert.rejects(
        stranger.signUploadParts({ name, parts: [{ number: 1, sha256: sha256(film) }] }),
        reason("UPLOAD_NOT_FOUND"),
      );
      await assert.rejects(stranger.getAsset({ name: upload.asset }), reason("ASSET_NOT_FOUND"));
      await assert.rejects(stranger.deleteAsset({ name: upload.asset }), reason("ASSET_NOT_FOUND"));
      assert.deepEqual((await stranger.listAssets({})).assets, []);
      await assert.rejects(stranger.getAsset({ name: `assets/${randomUUID()}` }), reason("ASSET_NOT_FOUND"));
    });

    it("need a role to upload", async () => {
      const viewer = platform.client(IngestionService, { as: account() });
      const request = { fileName: "film.mp4", sizeBytes: 10n, requestId: randomUUID() };
      await assert.rejects(viewer.createUpload(request), reason("ACCESS_DENIED"));
      await assert.rejects(platform.client(IngestionService).createUpload(request), reason("SIGN_IN_REQUIRED"));
    });

    it("who operate see every asset, page by page", async () => {
      const uploader = platform.client(IngestionService, { as: creator() });
      const names: string[] = [];
      for (let i = 0; i < 3; i++) {
        const { upload } = await uploader.createUpload({
          fileName: `${i}.mp4`,
          sizeBytes: 10n,
          requestId: randomUUID(),
        });
        names.unshift(upload?.asset ?? "");
      }
      const boss = platform.client(IngestionService, { as: operator(["assets.read"]) });
      const first = await boss.listAssets({ pageSize: 2 });
      const second = await boss.listAssets({ pageSize: 2, pageToken: first.nextPageToken });
      assert.deepEqual([...first.assets, ...second.assets].map((asset) => asset.name).slice(0, 3), names);
      const other = boss.listAssets({ pageSize: 2, pageToken: first.nextPageToken, state: Asset_State.READY });
      await assert.rejects(other, reason("PAGE_TOKEN_INVALID"));
      await assert.rejects(boss.deleteAsset({ name: names[0] ?? "" }), reason("PERMISSION_MISSING"));
    });

    it("who are the transcode module may read assets", async () => {
      const upload = await begin(film);
      const transcode = platform.client(IngestionService, { as: service("transcode") });
      assert.equal((await transcode.getAsset({ name: upload.asset })).asset?.name, upload.asset);
    });
  });

  async function makeFilm(name: string, args: readonly (readonly string[])[]): Promise<Buffer> {
    const path = join(folder, name);
    await makeFilmAt(path, args.flat());
    return readFile(path);
  }

  async function begin(bytes: Buffer, fileName = "film.mov"): Promise<Upload> {
    const { upload } = await client.createUpload({
      fileName,
      sizeBytes: BigInt(bytes.length),
      requestId: randomUUID(),
    });
    assert.ok(upload);
    return upload;
  }

  async function sign(upload: Upload, number: number, bytes: Uint8Array): Promise<SignedPart> {
    const { parts } = await client.signUploadParts({ name: upload.name, parts: [{ number, sha256: sha256(bytes) }] });
    assert.ok(parts[0]);
    return parts[0];
  }

  function put(part: SignedPart, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
    return fetch(new URL(part.url, platform.url), { method: "PUT", headers: part.headers, body: bytes });
  }

  async function putPart(upload: Upload, bytes: Buffer, number: number): Promise<void> {
    const part = partOf(bytes, number);
    const response = await put(await sign(upload, number, part), part);
    assert.equal(response.status, 200, await response.text());
  }

  async function putAll(upload: Upload, bytes: Buffer): Promise<void> {
    for (let number = upload.partCount; number >= 1; number--) await putPart(upload, bytes, number);
  }

  async function complete(upload: Upload, bytes: Buffer): Promise<Asset> {
    const { asset } = await client.completeUpload({ name: upload.name, sha256: sha256(bytes) });
    assert.ok(asset);
    return asset;
  }

  function settled(name: string): Promise<Asset> {
    return eventually(`${name} is inspected`, async () => {
      const { asset } = await client.getAsset({ name });
      return asset?.state === Asset_State.INSPECTING ? undefined : asset;
    });
  }

  async function ingest(bytes: Buffer, fileName: string): Promise<Asset> {
    const upload = await begin(bytes, fileName);
    await putAll(upload, bytes);
    return settled((await complete(upload, bytes)).name);
  }

  async function refused(bytes: Buffer, fileName: string, expected: string): Promise<void> {
    const asset = await ingest(bytes, fileName);
    await rejectedAs(asset.name, expected);
  }

  async function rejectedAs(name: string, expected: string): Promise<void> {
    const asset = await settled(name);
    assert.equal(asset.state, Asset_State.REJECTED);
    assert.equal(asset.rejection?.reason, expected);
    assert.ok(asset.rejection.message.length > 10);
    assert.equal(asset.media, undefined);
    const event = await platform.nextEvent(AssetRejectedSchema, (one) => one.asset === name);
    assert.equal(event.reason, expected);
    assert.equal(event.owner, `accounts/${owner}`);
    await nothingLeft(name);
  }

  /** No blob, no part and no scratch file. */
  async function nothingLeft(name: string): Promise<void> {
    await eventually(`nothing is left of ${name}`, async () => (await blobsOf(name)).length === 0);
    const id = name.slice("assets/".length);
    await eventually("no parts are left", async () => {
      const uploads = await filesBelow(join(platform.data, "blobs", "originals", "multipart"));
      const texts = await Promise.all(
        uploads.filter((path) => path.endsWith("upload.json")).map((p) => readFile(p, "utf8")),
      );
      return !texts.some((text) => text.includes(id));
    });
    await eventually("no scratch is left", async () => {
      return (await filesBelow(join(platform.data, "scratch"))).length === 0;
    });
  }

  async function blobsOf(name: string): Promise<string[]> {
    const id = name.slice("assets/".length);
    const files = await filesBelow(join(platform.data, "blobs", "originals", "objects"));
    const keys: string[] = [];
    for (const file of files) {
      const { key } = JSON.parse(await readFile(file, "utf8")) as { key: string };
      if (key.startsWith(`${id}/`)) keys.push(key);
    }
    return keys;
  }
});

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function partOf(bytes: Buffer, number: number): Buffer<ArrayBuffer> {
  return Buffer.from(bytes.subarray((number - 1) * PART_BYTES, number * PART_BYTES));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function reason(expected: string): (error: unknown) => error is AppError {
  return (error): error is AppError => isAppError(error, expected);
}
