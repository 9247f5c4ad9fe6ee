/** Packages one revision from the mezzanine files to what players fetch; everything lands in the run's own folder. */

import { mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { isAppError } from "#pkg/errors/errors";
import { isFull } from "#pkg/errors/free-space";
import { isOutOfSpace, outOfSpace } from "#pkg/errors/space";
import { hashFile } from "#pkg/files/read";
import type { Logger } from "#pkg/obs/obs";
import { codecsOf } from "./domain/dash.ts";
import { readBoxHeader, readTrackHeader, type TrackHeader } from "./domain/isobmff.ts";
import { type ManifestText, manifestsOf, type Packaged, type Signaling } from "./domain/manifests.ts";
import {
  type AudioTrack,
  type KeyClass,
  keyClassOf,
  type Revision,
  type RevisionOutput,
  type Track,
  type VideoTrack,
} from "./domain/revision.ts";
import { errors } from "./errors.ts";
import type { ContentKeyPeer } from "./peers.ts";
import { type KeyServerAccess, packagerArgs } from "./shaka/argv.ts";
import { type ServedKey, startKeyServer } from "./shaka/key-server.ts";
import type { PackagerRun } from "./shaka/run.ts";

export interface PackagingOptions {
  readonly mezzanine: BlobStore;
  readonly packaged: BlobStore;
  readonly contentKeys: ContentKeyPeer;
  readonly runShaka: (run: PackagerRun) => Promise<void>;
  /** The module's scratch folder. */
  readonly scratch: string;
  readonly segmentMs: number;
  readonly timeLimitMs: number;
  readonly log: Logger;
}

/** A revision and the folder that a run of it writes to. */
export interface PackagingRun {
  readonly revision: Revision;
  readonly folder: string;
}

const NOT_SIGNALED: Signaling = { systemIds: [], hlsKeyFormats: [] };
const IN = "in";
const OUT = "out";
const MPD_FILE = "all.mpd";
/** Rounding to time scales; a frame is longer. */
const MAX_SECONDS_OFF = 0.01;
/** The head of a track of twelve hours is below one megabyte. */
const MAX_HEAD_BYTES = 64 * 1024 * 1024;

/**
 * Everything that a run does outside the database. Throws an AppError for what is wrong with the revision, whatever the
 * stores and license throw, and the signal's reason.
 */
export async function packageRevision(
  options: PackagingOptions,
  { revision, folder }: PackagingRun,
  signal: AbortSignal,
): Promise<RevisionOutput> {
  const { input } = revision;
  if (!input.tracks.some(({ kind }) => kind === "video")) throw errors.PACKAGE_WITHOUT_VIDEO();
  const work = join(options.scratch, folder);
  try {
    for (const name of [IN, OUT, "tmp"]) await mkdir(join(work, name), { recursive: true, mode: 0o700 });
    await fetchInputs(options, input.tracks, work, signal);
    const keyIds = await packageTracks(options, revision, work, signal);
    const mpd = await readFile(join(work, OUT, MPD_FILE), "utf8");
    const seconds = input.duration.seconds + input.duration.nanos / 1e9;
    const packaged = await inspect(input.tracks, work, codecsOf(mpd), keyIds, seconds);
    await recordIvs(options, revision, packaged, signal);
    const isClear = input.protection === "clear";
    const signaling = isClear ? NOT_SIGNALED : await options.contentKeys.signaling(signal);
    const manifests = manifestsOf({
      signaling,
      assetId: revision.assetId,
      durationSeconds: seconds,
      mpd,
      packaged,
    });
    for (const { file, text } of manifests) await writeFile(join(work, OUT, file), text, { flag: "wx" });
    return await store(options, { revision, folder }, { work, packaged, manifests }, signal);
  } catch (error) {
    // Asked before the folder is emptied: the packager has many words for it, and may leave short files without any.
    if (signal.aborted || isOutOfSpace(error) || !(await isFull(options.scratch))) throw error;
    throw outOfSpace("the packager's scratch folder", error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * The tracks that cannot be packaged each by itself: damaged, missing, or nothing that the packager can read. Throws
 * whatever the stores throw for reasons of their own, and the signal's reason.
 */
export async function findUnreadable(
  options: PackagingOptions,
  { revision, folder }: PackagingRun,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const work = join(options.scratch, folder);
  const unreadable: string[] = [];
  try {
    for (const track of revision.input.tracks) {
      await rm(work, { recursive: true, force: true });
      for (const name of [IN, OUT, "tmp"]) await mkdir(join(work, name), { recursive: true, mode: 0o700 });
      try {
        await fetchInputs(options, [track], work, signal);
        await checkHash(track, join(work, track.kind === "text" ? OUT : IN, fileOf(track)), signal);
        if (track.kind !== "text") await runPackager(options, [track], work, undefined, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isAppError(error) || !UNREADABLE.has(error.reason)) throw error;
        options.log.warn({ ...folderOf(revision, folder), track: track.id, err: error }, "a track cannot be packaged");
        unreadable.push(track.id);
      }
    }
    return unreadable;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** What is wrong with the file, and not with what carries it. */
const UNREADABLE: ReadonlySet<string> = new Set(["BLOB_NOT_FOUND", "PACKAGE_INPUT_DAMAGED", "PACKAGER_FAILED"]);

function folderOf({ packageId, revision }: Revision, folder: string): object {
  return { packageId, revision, folder };
}

async function checkHash(track: Track, path: string, signal: AbortSignal): Promise<void> {
  const { sha256 } = await hashFile(path, signal);
  if (sha256 !== track.blob.sha256) throw errors.PACKAGE_INPUT_DAMAGED(track.id, "its bytes have changed");
}

/** Where a run's objects lie in the packaged store. */
export function folderKey(of: {
  readonly packageId: string;
  readonly revision: number;
  readonly folder: string;
}): string {
  return `${of.packageId}/${of.revision}/${of.folder}/`;
}

async function fetchInputs(
  { mezzanine }: PackagingOptions,
  tracks: readonly Track[],
  work: string,
  signal: AbortSignal,
): Promise<void> {
  for (const track of tracks) {
    // Text needs no packaging, so it goes where the results are.
    const path = join(work, track.kind === "text" ? OUT : IN, fileOf(track));
    await mezzanine.getFile(track.blob.key, path, { signal });
    const { size } = await stat(path);
    if (size !== track.blob.sizeBytes)
      throw errors.PACKAGE_INPUT_DAMAGED(track.id, `it has ${size} bytes, not ${track.blob.sizeBytes}`);
  }
}

/** Answers the key id of each class, 32 hex digits; none in the clear. */
async function packageTracks(
  options: PackagingOptions,
  { assetId, input }: Revision,
  work: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<KeyClass, string>> {
  const tracks = input.tracks.filter(({ kind }) => kind !== "text");
  await using cleanup = new AsyncDisposableStack();
  let keys: readonly ServedKey[] = [];
  if (input.protection !== "clear") {
    const classes = [...new Set(tracks.flatMap((track) => keyClassOf(track) ?? []))];
    keys = await options.contentKeys.ensure(assetId, classes, signal);
    for (const { key } of keys) cleanup.use(key);
  }
  const keyServer =
    input.protection === "clear"
      ? undefined
      : cleanup.use(
          await startKeyServer({ folder: work, contentId: Buffer.from(assetId.replaceAll("-", ""), "hex"), keys }),
        );
  await runPackager(options, tracks, work, keyServer?.access, signal);
  return new Map(keys.map(({ keyClass, keyId }) => [keyClass, Buffer.from(keyId).toString("hex")]));
}

/** Packages the tracks, in the clear where there is no key server. Throws `OUT_OF_SPACE` where that is why it failed. */
async function runPackager(
  options: PackagingOptions,
  tracks: readonly Track[],
  work: string,
  keyServer: KeyServerAccess | undefined,
  signal: AbortSignal,
): Promise<void> {
  const args = packagerArgs({
    tracks,
    inputOf: (track) => `${IN}/${fileOf(track)}`,
    outputOf: (track) => `${OUT}/${fileOf(track)}`,
    mpdPath: `${OUT}/${MPD_FILE}`,
    tempFolder: "tmp",
    segmentSeconds: options.segmentMs / 1000,
    keyServer,
  });
  await options.runShaka({ args, folder: work, timeLimitMs: options.timeLimitMs, signal, log: options.log });
}

async function inspect(
  tracks: readonly Track[],
  work: string,
  codecs: ReadonlyMap<string, string>,
  keyIds: ReadonlyMap<KeyClass, string>,
  filmSeconds: number,
): Promise<Packaged[]> {
  const packaged: Packaged[] = [];
  for (const track of tracks) {
    const file = fileOf(track);
    if (track.kind === "text") {
      packaged.push({ track, file });
      continue;
    }
    const header = await readHead(track.id, join(work, OUT, file));
    const keyClass = keyClassOf(track);
    const keyId = keyClass && keyIds.get(keyClass);
    checkWhole(track, header, (await stat(join(work, OUT, file))).size, filmSeconds);
    checkProtection(track, header, keyId);
    packaged.push({ track, file, codec: codecs.get(file) ?? track.codec, header, keyId });
  }
  return packaged;
}

/** No file is published that is shorter than its own index says, or than the film; sound by an encoder's delay at most. */
function checkWhole(track: Track, { segments, timescale }: TrackHeader, sizeBytes: number, filmSeconds: number): void {
  const last = segments.at(-1);
  if (last === undefined) throw errors.PACKAGE_OUTPUT_WRONG(track.id, "it has no segments");
  const endsAt = last.range.end + 1;
  if (endsAt !== sizeBytes)
    throw errors.PACKAGE_OUTPUT_WRONG(track.id, `it has ${sizeBytes} bytes, and its index ${endsAt}`);
  const seconds = segments.reduce((sum, { duration }) => sum + duration, 0) / timescale;
  const isOff = track.kind === "video" ? Math.abs(seconds - filmSeconds) > MAX_SECONDS_OFF : seconds < filmSeconds - 1;
  if (isOff) {
    throw errors.PACKAGE_OUTPUT_WRONG(track.id, `it is ${seconds} s long, and the film ${filmSeconds} s`);
  }
}

/** The last line of defence: no file is published that is not encrypted, from its first sample, with the key it should be. */
function checkProtection(track: VideoTrack | AudioTrack, header: TrackHeader, keyId: string | undefined): void {
  const { encryption, sampleEntries } = header;
  if (keyId === undefined) {
    if (encryption !== undefined)
      throw errors.PACKAGE_OUTPUT_WRONG(track.id, "it is encrypted and should be in the clear");
    return;
  }
  const isWhole = sampleEntries.every((entry) => entry === "encv" || entry === "enca");
  if (encryption === undefined || !isWhole) throw errors.PACKAGE_OUTPUT_WRONG(track.id, "a part of it is in the clear");
  if (encryption.scheme !== "cbcs")
    throw errors.PACKAGE_OUTPUT_WRONG(track.id, `it is encrypted by ${encryption.scheme}`);
  if (Buffer.from(encryption.keyId).toString("hex") !== keyId)
    throw errors.PACKAGE_OUTPUT_WRONG(track.id, "it has another key");
  if (encryption.constantIv === undefined) throw errors.PACKAGE_OUTPUT_WRONG(track.id, "it has no constant vector");
}

async function recordIvs(
  { contentKeys }: PackagingOptions,
  { assetId, packageId, revision }: Revision,
  packaged: readonly Packaged[],
  signal: AbortSignal,
): Promise<void> {
  const ivs = packaged.flatMap((one) => {
    if (!("header" in one)) return [];
    const constantIv = one.header.encryption?.constantIv;
    return one.keyId === undefined || constantIv === undefined
      ? []
      : [{ keyId: one.keyId, trackId: one.track.id, constantIv }];
  });
  if (ivs.length > 0) await contentKeys.recordIvs({ assetId, packageId, revision }, ivs, signal);
}

async function store(
  { packaged: blobs }: PackagingOptions,
  { revision, folder }: PackagingRun,
  made: { readonly work: string; readonly packaged: readonly Packaged[]; readonly manifests: readonly ManifestText[] },
  signal: AbortSignal,
): Promise<RevisionOutput> {
  const prefix = folderKey({ ...revision, folder });
  const media = made.packaged.map(({ track, file }) => ({ file, contentType: contentTypeOf(track) }));
  let sizeBytes = 0;
  // Manifests last: whoever finds one finds what it names.
  for (const { file, contentType } of [...media, ...made.manifests]) {
    signal.throwIfAborted();
    const path = join(made.work, OUT, file);
    const stored = await blobs.putFile(`${prefix}${file}`, path, { contentType, ifAbsent: true, signal });
    sizeBytes += stored.sizeBytes;
  }
  return {
    manifests: made.manifests.flatMap(({ file, entry }) =>
      entry === undefined ? [] : [{ ...entry, path: `${folder}/${file}` }],
    ),
    files: made.packaged.map((one) => ({
      trackId: one.track.id,
      keyClass: keyClassOf(one.track),
      codec: "codec" in one ? one.codec : one.track.codec,
      path: `${folder}/${one.file}`,
      keyId: "keyId" in one ? one.keyId : undefined,
    })),
    sizeBytes,
  };
}

/** What everything before the first fragment says. */
async function readHead(trackId: string, path: string): Promise<TrackHeader> {
  const file = await open(path, "r").catch((cause) => {
    throw errors.PACKAGE_OUTPUT_WRONG(trackId, "it was not written", cause);
  });
  try {
    const header = Buffer.alloc(16);
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(header, 0, header.byteLength, at);
      const box = readBoxHeader(header.subarray(0, bytesRead), 0);
      if (box === undefined || box.size < 8 || at + box.size > MAX_HEAD_BYTES) {
        throw errors.PACKAGE_OUTPUT_WRONG(trackId, "it has no index");
      }
      at += box.size;
      if (box.type !== "sidx") continue;
      const head = Buffer.alloc(at);
      const read = await file.read(head, 0, at, 0);
      if (read.bytesRead < at) throw errors.PACKAGE_OUTPUT_WRONG(trackId, "its index is cut short");
      return readTrackHeader(head);
    }
  } finally {
    await file.close();
  }
}

function fileOf(track: Track): string {
  return `${track.id}.${track.kind === "text" ? "vtt" : "mp4"}`;
}

function contentTypeOf(track: Track): string {
  return track.kind === "text" ? "text/vtt" : `${track.kind}/mp4`;
}
