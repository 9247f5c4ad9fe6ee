/** A tiny film for the packager's tests: what transcode would leave in the mezzanine store, made with FFmpeg once per process. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Protection, TrackKind } from "#gen/matinee/common/v1/media_pb";
import type { RenditionsReadySchema, StoredTrackSchema } from "#gen/matinee/transcode/v1/events_pb";
import { defineModule, type Module } from "#pkg/app/module";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { newId } from "#pkg/clock/clock";

const run = promisify(execFile);

/** Twelve seconds at 24000/1001 frames a second, in closed groups of two seconds. */
export const FRAMES = 288;
const DURATION = { seconds: 12n, nanos: 12_000_000 };
const FRAME_RATE = { numerator: 24000n, denominator: 1001n };

type StoredTrackInit = MessageInitShape<typeof StoredTrackSchema>;
type TrackInit = Exclude<StoredTrackInit["track"], undefined>;

export interface Film {
  /** The clear files by track id. */
  readonly paths: ReadonlyMap<string, string>;
  readonly tracks: readonly TrackInit[];
}

const VTT = `WEBVTT

00:00:01.000 --> 00:00:03.000 line:80%
Once upon a time

00:00:05.000 --> 00:00:07.500
the <i>end</i> & so on
`;

let film: Promise<Film> | undefined;

/** 640x360 and 1280x720, English and German sound, English captions. */
export function tinyFilm(): Promise<Film> {
  film ??= makeFilm();
  return film;
}

async function makeFilm(): Promise<Film> {
  const folder = mkdtempSync(join(tmpdir(), "matinee-film-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-keyint_min", "48", "-sc_threshold", "0"];
  const video = [...x264, "-bf", "2", "-flags", "+cgop", "-pix_fmt", "yuv420p", "-video_track_timescale", "24000"];
  const aac = ["-c:a", "aac", "-ac", "2", "-b:a", "96k"];
  const file = (id: string) => join(folder, `${id}.mp4`);
  await run("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", `testsrc2=s=1280x720:r=24000/1001,trim=end_frame=${FRAMES}`],
    ...["-f", "lavfi", "-i", "sine=440:d=12.012:r=48000", "-f", "lavfi", "-i", "sine=880:d=12.012:r=48000"],
    ...["-map", "0:v", ...video, file("video-720p")],
    ...["-map", "0:v", "-s", "640x360", ...video, file("video-360p")],
    ...["-map", "1:a", ...aac, file("audio-en-1")],
    ...["-map", "2:a", ...aac, file("audio-de-2")],
  ]);
  const text = join(folder, "text-en-1.vtt");
  await writeFile(text, VTT);
  const pictures = (id: string, width: number, height: number): TrackInit => ({
    id,
    kind: TrackKind.VIDEO,
    label: `${height}p`,
    codec: "avc1.42c01f",
    width,
    height,
    frameRate: FRAME_RATE,
    bitsPerSecond: 1_000_000n,
    isDefault: height === 360,
  });
  const sound = (id: string, language: string, label: string): TrackInit => ({
    ...{ id, kind: TrackKind.AUDIO, label, language, codec: "mp4a.40.2", channels: 2, bitsPerSecond: 96_000n },
    isDefault: language === "en",
  });
  return {
    paths: new Map([
      ...["video-360p", "video-720p", "audio-en-1", "audio-de-2"].map((id): [string, string] => [id, file(id)]),
      ["text-en-1", text],
    ]),
    tracks: [
      pictures("video-360p", 640, 360),
      pictures("video-720p", 1280, 720),
      sound("audio-en-1", "en", "English"),
      sound("audio-de-2", "de", "Deutsch"),
      {
        ...{ id: "text-en-1", kind: TrackKind.TEXT, label: "English (SDH)", language: "en", codec: "wvtt" },
        ...{ bitsPerSecond: 60n, isDefault: true, isSdh: true },
      },
    ],
  };
}

/** A module that stands beside the packager and shows the host's stores to the test. */
export function storesModule(): { readonly module: Module; readonly stores: () => Stores } {
  let stores: Stores | undefined;
  const module = defineModule({
    ...{ name: "test-stores", summary: "Shows the stores to a test", owns: [], config: {}, serves: [], routes: [] },
    ...{ calls: [], needs: ["mezzanine", "packaged"], emits: [], consumes: [] },
    async open({ mezzanine, packaged }) {
      stores = { mezzanine, packaged };
      return {};
    },
  });
  return {
    module,
    stores: () => {
      if (stores === undefined) throw new Error("the host is not open");
      return stores;
    },
  };
}

export interface Stores {
  readonly mezzanine: BlobStore;
  readonly packaged: BlobStore;
}

/** Stores the film's tracks as transcode would, and answers the event that it would emit. */
export async function storeRenditions(
  mezzanine: BlobStore,
  options: {
    readonly asset?: string;
    readonly revision?: number;
    readonly protection?: Protection;
    readonly only?: readonly string[];
    /** Instead of the films' own, by track id. */
    readonly languages?: Readonly<Record<string, string>>;
  } = {},
): Promise<MessageInitShape<typeof RenditionsReadySchema> & { readonly asset: string }> {
  const { tracks, paths } = await tinyFilm();
  const asset = options.asset ?? newId();
  const stored: StoredTrackInit[] = [];
  for (const track of tracks) {
    const id = String(track.id);
    if (options.only !== undefined && !options.only.includes(id)) continue;
    const bytes = await readFile(paths.get(id) ?? "");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const key = `${asset}/${id}/${sha256.slice(0, 32)}.${track.kind === TrackKind.TEXT ? "vtt" : "mp4"}`;
    await mezzanine.put(key, bytes);
    const language = options.languages?.[id];
    const named = language === undefined ? track : { ...track, language };
    stored.push({ track: named, blob: { store: "mezzanine", key, sha256, sizeBytes: BigInt(bytes.byteLength) } });
  }
  return {
    asset: `assets/${asset}`,
    job: `jobs/${newId()}`,
    owner: `accounts/${newId()}`,
    fileName: "film.mkv",
    revision: options.revision ?? 1,
    isComplete: options.only === undefined,
    protection: options.protection ?? Protection.CBCS,
    duration: DURATION,
    tracks: stored,
  };
}
