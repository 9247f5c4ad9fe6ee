/** Five minutes of sound and picture stay together: flashes and clicks are where they were, to the last one. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  flashFrames,
  frameSeconds,
  makeSyncFilm,
  SYNC_FRAME_RATE,
  SYNC_LANGUAGES,
  syncFrameCount,
} from "../../films/sync-film.ts";
import { scratchFolder } from "./films.ts";
import { download, type Representation, segmentStarts } from "./media.ts";
import { newViewer, type Person } from "./people.ts";
import { askLicense, keyIdsOf, manifestUrl, representations, start } from "./playing.ts";
import { readPlaylists } from "./playlists.ts";
import { inEveryTopology } from "./stories.ts";
import { importTitle } from "./titles.ts";

const exec = promisify(execFile);
const SECONDS = 300;
const FRAME_SECONDS = SYNC_FRAME_RATE[1] / SYNC_FRAME_RATE[0];
const SAMPLE_RATE = 48_000;
/** Brighter than anything but the flash, 0 to 255. */
const WHITE = 200;
/** Louder than anything but the click, of 32,767. */
const LOUD = 3000;

/** The stdout of ffmpeg, of a decrypted track. */
async function decoded(path: string, key: string, args: readonly string[]): Promise<Buffer> {
  const { stdout } = await exec(
    "ffmpeg",
    ["-v", "error", "-nostdin", "-decryption_key", key, "-i", path, ...args, "-"],
    {
      encoding: "buffer",
      maxBuffer: 512 * 1024 * 1024,
    },
  );
  return stdout;
}

/** When a track's packets are shown, in seconds, rising. */
async function packetTimes(path: string, key: string): Promise<readonly number[]> {
  const { stdout } = await exec(
    "ffprobe",
    ["-v", "error", "-decryption_key", key, "-show_entries", "packet=pts_time", "-of", "csv=p=0", path],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout
    .split("\n")
    .map((line) => Number.parseFloat(line))
    .filter((time) => !Number.isNaN(time))
    .toSorted((a, b) => a - b);
}

/** Numbers of the frames at which a flash begins. */
async function flashes(
  path: string,
  key: string,
): Promise<{ readonly count: number; readonly begin: readonly number[] }> {
  const brightness = await decoded(path, key, ["-vf", "scale=1:1:flags=area,format=gray", "-f", "rawvideo"]);
  const begin: number[] = [];
  for (const [frame, value] of brightness.entries()) {
    if (value > WHITE && !((brightness[frame - 1] ?? 0) > WHITE)) begin.push(frame);
  }
  return { count: brightness.length, begin };
}

/** Seconds at which a click begins. */
async function clicks(path: string, key: string): Promise<readonly number[]> {
  const [first = 0] = await packetTimes(path, key);
  const bytes = await decoded(path, key, ["-ac", "1", "-ar", String(SAMPLE_RATE), "-f", "s16le"]);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 2));
  const begin: number[] = [];
  let lastLoud = Number.NEGATIVE_INFINITY;
  for (const [index, value] of samples.entries()) {
    if (Math.abs(value) < LOUD) continue;
    if (index - lastLoud > SAMPLE_RATE) begin.push(first + index / SAMPLE_RATE);
    lastLoud = index;
  }
  return begin;
}

inEveryTopology(
  "five minutes of flashes and clicks",
  (cluster) => {
    let viewer: Person;
    let tracks: readonly Representation[];
    let hls: string;
    let keys: ReadonlyMap<string, string>;
    const paths = new Map<string, string>();
    const expected = flashFrames(SECONDS);

    const keyOf = (track: Representation) => keys.get(track.keyId) ?? "";
    const pathOf = (track: Representation) => paths.get(track.url) ?? "";
    const of = (kind: Representation["kind"]) => tracks.filter((track) => track.kind === kind);

    before(async () => {
      const path = join(await scratchFolder(), "sync.mp4");
      await makeSyncFilm(path, { seconds: SECONDS });
      const { title } = await importTitle(cluster(), path, { displayTitle: "Flash and click" });
      viewer = await newViewer(cluster());
      const play = await start(viewer, title.name);
      tracks = await representations(viewer, play);
      hls = manifestUrl(viewer, play, "hls");
      ({ keys } = await askLicense(viewer, play, { keyIds: keyIdsOf(tracks) }));
      for (const track of tracks) if (track.kind !== "text") paths.set(track.url, await download(track.url));
    });

    it("keep every frame, at exactly its time, in every rendition", async () => {
      assert.ok(of("video").length >= 2);
      for (const track of of("video")) {
        const times = await packetTimes(pathOf(track), keyOf(track));
        assert.equal(times.length, syncFrameCount(SECONDS), track.id);
        const [first = 0] = times;
        for (const [frame, time] of times.entries()) {
          assert.ok(
            Math.abs(time - first - frameSeconds(frame)) < 0.000_1,
            `${track.id}: frame ${frame} is at ${time} s`,
          );
        }
      }
    });

    it("flash in the frames in which they flashed", async () => {
      for (const track of of("video")) {
        const { count, begin } = await flashes(pathOf(track), keyOf(track));
        assert.equal(count, syncFrameCount(SECONDS));
        assert.deepEqual(begin, expected, track.id);
      }
    });

    it("click when they flash, in both languages, to the end", async () => {
      assert.deepEqual(
        of("audio")
          .map(({ language }) => language)
          .toSorted(),
        SYNC_LANGUAGES.map(({ tag }) => tag).toSorted(),
      );
      const [video] = of("video");
      const [start = 0] = video === undefined ? [] : await packetTimes(pathOf(video), keyOf(video));
      for (const track of of("audio")) {
        const found = await clicks(pathOf(track), keyOf(track));
        assert.equal(found.length, expected.length, `${track.language}: clicks at ${found.join(", ")}`);
        const drifts = found.map((at, index) => at - (start + frameSeconds(expected[index] ?? 0)));
        const worst = Math.max(...drifts.map(Math.abs));
        process.stdout.write(
          `      ${track.language}: first ${ms(drifts[0])}, last ${ms(drifts.at(-1))}, worst ${ms(worst)} of ${ms(FRAME_SECONDS)}\n`,
        );
        assert.ok(worst <= FRAME_SECONDS, `${track.language} drifts by ${worst} s`);
      }
    });

    it("begin their segments together in all renditions", async () => {
      const starts = await Promise.all(of("video").map(async (track) => segmentStarts(pathOf(track))));
      const [first] = starts;
      assert.ok(first !== undefined && first.starts.length > SECONDS / 10);
      for (const one of starts) assert.deepEqual(one, first);
      const { media } = await readPlaylists(hls);
      const variants = media.filter(({ kind }) => kind === "variant");
      const durations = variants.map(({ segments }) => segments.map(({ seconds }) => seconds));
      for (const list of durations) assert.deepEqual(list, durations[0]);
      assert.equal(durations[0]?.length, first.starts.length);
    });
  },
  { topologies: ["one-process"] },
);

function ms(seconds: number | undefined): string {
  return `${((seconds ?? 0) * 1000).toFixed(1)} ms`;
}
