import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Ceiling, ManifestFormat, Protection, TrackClass, TrackKind } from "#gen/matinee/common/v1/media_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { type AssetPackaged, AssetPackagedSchema, PackageChangedSchema } from "#gen/matinee/packager/v1/events_pb";
import { type Package, Package_State } from "#gen/matinee/packager/v1/package_pb";
import { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { newId } from "#pkg/clock/clock";
import { dumpDatabase } from "#pkg/testkit/dump";
import { openModules, operator, profile, service, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { license } from "../license/module.ts";
import { boxesIn, readTrackHeader } from "./domain/isobmff.ts";
import { FRAMES, storeRenditions, storesModule, tinyFilm } from "./fixtures.ts";
import { packager } from "./module.ts";

const run = promisify(execFile);
const OPERATOR = operator(["assets.read", "jobs.write"]);

/** A revision with its files in a folder, as a player would fetch them. */
interface Fetched {
  readonly event: AssetPackaged;
  readonly package: Package;
  readonly folder: string;
}

describe("packager", function () {
  this.timeout(120_000);
  const shown = storesModule();
  let platform: TestPlatform;
  let work: string;
  let encrypted: Fetched;
  let clear: Fetched;
  let asset: string;
  /** Content keys in hex by class. */
  let keys: ReadonlyMap<TrackClass, string>;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), "matinee-packaged-"));
    platform = await openModules([license, packager, shown.module]);
    asset = newId();
    encrypted = await packageAndFetch(asset, Protection.CBCS);
    clear = await packageAndFetch(newId(), Protection.CLEAR);
    const { contentKeys } = await platform.client(LicenseService, { as: service("packager") }).ensureContentKeys({
      content: `assets/${asset}`,
      trackClasses: [TrackClass.AUDIO, TrackClass.SD, TrackClass.HD],
    });
    keys = new Map(contentKeys.map(({ trackClass, key }) => [trackClass, Buffer.from(key).toString("hex")]));
  });
  after(async () => {
    await platform[Symbol.asyncDispose]();
    await rm(work, { recursive: true, force: true });
  });

  async function packageAndFetch(of: string, protection: Protection): Promise<Fetched> {
    const renditions = await storeRenditions(shown.stores().mezzanine, { asset: of, protection });
    await platform.publish(RenditionsReadySchema, renditions);
    const event = await platform.nextEvent(AssetPackagedSchema, (found) => found.package?.asset === `assets/${of}`);
    assert.ok(event.package);
    const folder = await mkdtemp(join(work, "p-"));
    const prefix = `${event.package.name.slice("packages/".length).replace("@", "/")}/`;
    for await (const { key } of shown.stores().packaged.list(prefix)) {
      await shown.stores().packaged.getFile(key, join(folder, basename(key)));
    }
    return { event, package: event.package, folder };
  }

  const fileOf = (of: Fetched, id: string) => {
    const found = of.package.tracks.find(({ track }) => track?.id === id);
    assert.ok(found, `track ${id}`);
    return join(of.folder, basename(found.path));
  };

  const keyOf = (id: string) => {
    const found = encrypted.package.tracks.find(({ track }) => track?.id === id);
    return keys.get(found?.trackClass ?? TrackClass.UNSPECIFIED) ?? "";
  };

  const mediaIds = ["video-360p", "video-720p", "audio-en-1", "audio-de-2"];

  it("emits the whole package, with a class and a key for each track", async () => {
    const { event } = encrypted;
    assert.equal(event.fileName, "film.mkv");
    assert.match(event.owner, /^accounts\//);
    assert.equal(event.package?.state, Package_State.READY);
    assert.equal(event.package?.isComplete, true);
    assert.equal(event.package?.protection, Protection.CBCS);
    assert.deepEqual(
      event.package?.tracks.map(({ track, trackClass, keyIds }) => [
        track?.id,
        trackClass,
        keyIds.map((id) => id.byteLength),
      ]),
      [
        ["video-360p", TrackClass.SD, [16]],
        ["video-720p", TrackClass.HD, [16]],
        ["audio-en-1", TrackClass.AUDIO, [16]],
        ["audio-de-2", TrackClass.AUDIO, [16]],
        ["text-en-1", TrackClass.UNSPECIFIED, []],
      ],
    );
    assert.equal(
      new Set(event.package?.tracks.flatMap(({ keyIds }) => keyIds.map((id) => Buffer.from(id).toString("hex")))).size,
      3,
    );
    assert.deepEqual(
      event.package?.manifests.map(({ format, ceiling, path }) => [
        format,
        ceiling,
        path.replace(/^[0-9a-f]{8}\//, ""),
      ]),
      [
        [ManifestFormat.DASH, Ceiling.SD, "sd.mpd"],
        [ManifestFormat.HLS, Ceiling.SD, "sd.m3u8"],
        [ManifestFormat.DASH, Ceiling.HD, "hd.mpd"],
        [ManifestFormat.HLS, Ceiling.HD, "hd.m3u8"],
      ],
    );
    let sizeBytes = 0;
    for (const file of await readdir(encrypted.folder)) sizeBytes += (await stat(join(encrypted.folder, file))).size;
    assert.equal(Number(event.package?.sizeBytes), sizeBytes);
  });

  it("tells views of the revision when it is asked for and when it is ready", async () => {
    const told = await platform.nextEvent(
      PackageChangedSchema,
      (event) => event.package?.name === encrypted.package.name && event.package.state === Package_State.READY,
    );
    assert.equal(told.package?.isComplete, true);
    assert.deepEqual([told.package?.tracks, told.package?.manifests], [[], []]);
    const states = platform
      .events(PackageChangedSchema)
      .filter((event) => event.package?.name === encrypted.package.name)
      .map((event) => event.package?.state);
    assert.equal(new Set(states).size, states.length, "each change is told once");
  });

  it("keeps every frame: FFmpeg decrypts each track with the issued key to the clear rendition's frames", async () => {
    const { paths } = await tinyFilm();
    for (const id of mediaIds) {
      const source = await frameHashes(paths.get(id) ?? "");
      const decrypted = await frameHashes(fileOf(encrypted, id), keyOf(id));
      assert.deepEqual(decrypted, source, id);
      assert.ok(source.length > 0);
      if (id.startsWith("video")) assert.equal(source.length, FRAMES);
      assert.deepEqual(
        await packetHashes(fileOf(encrypted, id), keyOf(id)),
        await packetHashes(paths.get(id) ?? ""),
        id,
      );
    }
  });

  it("keeps every sample at its time, so that picture and sound stay together", async () => {
    const { paths } = await tinyFilm();
    for (const id of mediaIds) {
      const source = await sampleTimes(paths.get(id) ?? "");
      for (const made of [encrypted, clear]) assert.deepEqual(await sampleTimes(fileOf(made, id)), source, id);
      if (id.startsWith("video")) assert.ok(source.includes("0.000000"));
    }
  });

  it("cannot be decrypted with another key", async () => {
    const { paths } = await tinyFilm();
    for (const id of mediaIds) {
      const wrong = await frameHashes(fileOf(encrypted, id), "00112233445566778899aabbccddeeff").catch(() => []);
      assert.notDeepEqual(wrong, await frameHashes(paths.get(id) ?? ""));
    }
  });

  it("has nothing in the clear from the first frame on", async () => {
    const { paths } = await tinyFilm();
    const rows = await dumpDatabase();
    for (const id of mediaIds) {
      const bytes = await readFile(fileOf(encrypted, id));
      const header = readTrackHeader(bytes.subarray(0, headEnd(bytes)));
      assert.deepEqual(header.sampleEntries, [id.startsWith("video") ? "encv" : "enca"]);
      assert.equal(header.encryption?.scheme, "cbcs");
      const iv = header.encryption?.constantIv;
      assert.equal(iv?.byteLength, 16);
      assert.ok(rows.includes(Buffer.from(iv).toString("hex")), "license knows the vector");
      assert.deepEqual(
        [header.encryption?.cryptBlocks, header.encryption?.skipBlocks],
        id.startsWith("video") ? [1, 9] : [0, 0],
      );
      const source = new Set((await packetHashes(paths.get(id) ?? "")).map(({ hash }) => hash));
      const stored = await packetHashes(fileOf(encrypted, id));
      assert.equal(stored.length, source.size);
      // `cbcs` encrypts whole blocks of 16 bytes; only a sample shorter than one has none to encrypt.
      const inTheClear = stored.filter(({ hash }) => source.has(hash));
      assert.deepEqual(
        inTheClear.filter(({ bytes }) => bytes >= 16),
        [],
        `${id} holds samples in the clear`,
      );
      assert.ok(inTheClear.length <= 2);
      // A group of samples may be described as clear only by these boxes.
      assert.ok(!boxTypes(bytes).has("sgpd"));
    }
  });

  it("packages in the clear without a key where it is asked to", async () => {
    const { paths } = await tinyFilm();
    assert.equal(clear.package.protection, Protection.CLEAR);
    assert.ok(clear.package.tracks.every(({ keyIds }) => keyIds.length === 0));
    for (const id of mediaIds) {
      assert.deepEqual(await packetHashes(fileOf(clear, id)), await packetHashes(paths.get(id) ?? ""), id);
    }
    for (const name of await readdir(clear.folder)) {
      if (!/\.(mpd|m3u8)$/.test(name)) continue;
      assert.doesNotMatch(await readFile(join(clear.folder, name), "utf8"), /ContentProtection|pssh|EXT-X-KEY/, name);
    }
  });

  it("keeps the captions byte for byte", async () => {
    const { paths } = await tinyFilm();
    assert.deepEqual(await readFile(fileOf(encrypted, "text-en-1")), await readFile(paths.get("text-en-1") ?? ""));
  });

  it("leaves no content key behind, in the database or in any file, in hex, base64, base64url or raw", async () => {
    const { stdout: files } = await run("find", [platform.data, "-type", "f"], { maxBuffer: 1 << 24 });
    const rows = await dumpDatabase();
    const all = await Promise.all(
      files
        .trim()
        .split("\n")
        .map((path) => readFile(path)),
    );
    assert.ok(all.length > 10 && keys.size === 3);
    for (const key of keys.values()) {
      const raw = Buffer.from(key, "hex");
      const forms = [raw, key, raw.toString("base64").slice(0, 21), raw.toString("base64url")];
      for (const form of forms) assert.ok(!all.some((bytes) => bytes.includes(form)), "a file holds a content key");
      for (const form of forms.slice(1)) assert.ok(!rows.includes(form as string), "a row holds a content key");
    }
    assert.deepEqual(await readdir(join(platform.data, "scratch", "packager")), []);
  });

  it("shows packages to operators, in pages, and to nobody else", async () => {
    const client = platform.client(PackagerService, { as: OPERATOR });
    const newest = await client.getPackage({ name: encrypted.package.name.replace(/@.*/, "") });
    assert.deepEqual(newest.package, encrypted.package);
    assert.deepEqual((await client.getPackage({ name: encrypted.package.name })).package, encrypted.package);
    await assert.rejects(
      client.retryPackage({ name: encrypted.package.name.replace(/@.*/, "") }),
      refused("VALIDATION_FAILED"),
    );
    const first = await client.listPackages({ pageSize: 1 });
    const second = await client.listPackages({ pageSize: 1, pageToken: first.nextPageToken });
    assert.deepEqual(
      [...first.packages, ...second.packages].map(({ asset: of }) => of),
      [clear.package.asset, encrypted.package.asset],
    );
    const own = await client.listPackages({ asset: encrypted.package.asset });
    assert.deepEqual(
      own.packages.map(({ name }) => name),
      [encrypted.package.name],
    );
    await assert.rejects(client.getPackage({ name: `packages/${newId()}` }), refused("PACKAGE_NOT_FOUND"));
    await assert.rejects(
      platform.client(PackagerService, { as: profile() }).getPackage({ name: encrypted.package.name }),
      refused("ACCESS_DENIED"),
    );
  });

  it("names tracks as they came, with the codec that was found in them", () => {
    const video = encrypted.package.tracks.find(({ track }) => track?.id === "video-720p")?.track;
    assert.equal(video?.kind, TrackKind.VIDEO);
    assert.match(video?.codec ?? "", /^avc1\.[0-9a-f]{6}$/);
    assert.deepEqual([video?.frameRate?.numerator, video?.frameRate?.denominator], [24000n, 1001n]);
  });
});

interface Hash {
  readonly bytes: number;
  readonly hash: string;
}

/** Hashes of decoded frames, by FFmpeg. */
async function frameHashes(path: string, key?: string): Promise<Hash[]> {
  return hashes(path, key, []);
}

/** Hashes of the encoded samples, by FFmpeg; decrypted where a key is given. */
async function packetHashes(path: string, key?: string): Promise<Hash[]> {
  return hashes(path, key, ["-c", "copy"]);
}

async function hashes(path: string, key: string | undefined, how: readonly string[]): Promise<Hash[]> {
  const decryption = key === undefined ? [] : ["-decryption_key", key];
  const { stdout } = await run(
    "ffmpeg",
    [
      "-v",
      "error",
      "-xerror",
      "-ignore_editlist",
      "1",
      ...decryption,
      "-i",
      path,
      "-map",
      "0:0",
      ...how,
      "-f",
      "framemd5",
      "-",
    ],
    { maxBuffer: 1 << 24 },
  );
  return stdout
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").map((part) => part.trim()))
    .map(([, , , , bytes, hash]) => ({ bytes: Number(bytes), hash: hash ?? "" }));
}

/** When each sample is shown, in seconds, in the order of the file. */
async function sampleTimes(path: string): Promise<string[]> {
  const entries = ["-show_entries", "packet=pts_time", "-of", "csv=p=0"];
  const { stdout } = await run("ffprobe", ["-v", "quiet", "-select_streams", "0", ...entries, path], {
    maxBuffer: 1 << 24,
  });
  return stdout
    .split("\n")
    .map((line) => line.replace(/,.*$/, ""))
    .filter((line) => line !== "");
}

function headEnd(bytes: Buffer): number {
  const sidx = boxesIn(bytes, 0, bytes.byteLength).find(({ type }) => type === "sidx");
  assert.ok(sidx);
  return sidx.end;
}

/** Types of all boxes within fragments. */
function boxTypes(bytes: Buffer): Set<string> {
  const types = new Set<string>();
  for (const moof of boxesIn(bytes, 0, bytes.byteLength).filter(({ type }) => type === "moof")) {
    for (const box of boxesIn(bytes, moof.body, moof.end)) {
      types.add(box.type);
      if (box.type === "traf") for (const inner of boxesIn(bytes, box.body, box.end)) types.add(inner.type);
    }
  }
  return types;
}
