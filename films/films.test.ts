/** The films that the demo makes: formats, narration and captions that fit, and nothing left of one that was stopped. */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { films, frameCount } from "./films.ts";
import { generateFilm } from "./generate.ts";
import { run } from "./sound/process.ts";
import { flashFrames, frameSeconds, makeSyncFilm, SYNC_LANGUAGES, syncFrameCount } from "./sync-film.ts";

const FRAME_SECONDS = 1001 / 24_000;

describe("demo films", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "films-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("have two languages, a caption for every line in each, and a frame for every moment", async function () {
    this.timeout(240_000);
    const film = films["fallen-star"];
    const path = join(folder, "fox.mkv");
    const shares: number[] = [];
    await generateFilm(film.id, path, { onProgress: (share) => shares.push(share) });

    assert.equal(shares.at(-1), 1);
    const streams = await probe(path);
    const [video] = streams.filter((stream) => stream.codec_type === "video");
    assert.equal(video?.r_frame_rate, "24000/1001");
    assert.equal(Number(video?.nb_read_frames), frameCount(film));
    for (const kind of ["audio", "subtitle"]) {
      const languages = streams.filter((stream) => stream.codec_type === kind).map((stream) => stream.tags?.language);
      assert.deepEqual(
        languages,
        film.languages.map((language) => language.iso639),
      );
    }
    for (const [at, language] of film.languages.entries()) {
      const cues = await cuesOf(path, at);
      assert.deepEqual(
        cues.map((cue) => cue.text),
        film.lines.map((line) => line.text[language.tag]),
      );
      for (const cue of cues) {
        const during = await loudness(path, at, cue.from, cue.to);
        assert.ok(
          during.mean > -24,
          `the voice is heard while ${JSON.stringify(cue.text)} is shown: ${during.mean} dB`,
        );
        assert.ok(during.peak < -1, `nothing is clipped: ${during.peak} dB`);
        const before = await loudness(path, at, cue.from - 0.3, cue.from - 0.05);
        assert.ok(before.mean < during.mean - 4, `the voice begins with the caption: ${before.mean} dB before`);
      }
    }
  });

  it("leave nothing when their making is stopped", async function () {
    this.timeout(120_000);
    const place = join(folder, "stopped");
    const stop = new AbortController();
    const making = generateFilm("night-train", join(place, "train.mkv"), {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("enough")),
    });

    await assert.rejects(making, /enough/);
    assert.deepEqual(await readdir(place), []);
  });
});

describe("the sync film", () => {
  it("flashes and clicks together every ten seconds, for as long as it says", async function () {
    this.timeout(120_000);
    const folder = await mkdtemp(join(tmpdir(), "sync-"));
    try {
      const path = join(folder, "sync.mp4");
      await makeSyncFilm(path, { seconds: 61 });

      const white = await whiteFrames(path);
      assert.deepEqual(white, flashFrames(61));
      assert.equal(Number((await probe(path))[0]?.nb_read_frames), syncFrameCount(61));
      for (const track of SYNC_LANGUAGES.keys()) {
        const clicks = await clickTimes(path, track);
        assert.equal(clicks.length, white.length - 1);
        for (const [at, click] of clicks.entries()) {
          assert.ok(Math.abs(click - frameSeconds(white[at + 1] ?? 0)) < FRAME_SECONDS / 4);
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

interface Stream {
  readonly codec_type: string;
  readonly r_frame_rate?: string;
  readonly nb_read_frames?: string;
  readonly tags?: { readonly language?: string };
}

async function probe(path: string): Promise<readonly Stream[]> {
  const text = await run("ffprobe", ["-v", "error", "-count_frames", "-show_streams", "-of", "json", path]);
  return JSON.parse(text.toString()).streams;
}

async function cuesOf(path: string, track: number): Promise<{ from: number; to: number; text: string }[]> {
  const args = ["-v", "error", "-i", path, "-map", `0:s:${track}`, "-f", "webvtt", "pipe:1"];
  const [, ...blocks] = (await run("ffmpeg", args)).toString().trim().split("\n\n");
  return blocks.map((block) => {
    const [times = "", ...lines] = block.split("\n");
    const [from = 0, to = 0] = times.split(" --> ").map(seconds);
    return { from, to, text: lines.join(" ") };
  });
}

function seconds(stamp: string): number {
  return stamp.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** In dB below full scale. */
async function loudness(
  path: string,
  track: number,
  from: number,
  to: number,
): Promise<{ mean: number; peak: number }> {
  const args = ["-hide_banner", "-nostats", "-i", path, "-map", `0:a:${track}`, "-af"];
  const filter = `atrim=${from}:${to}`;
  const report = await stderrOf([...args, `${filter},volumedetect`, "-f", "null", "-"]);
  const read = (name: string) => Number(new RegExp(`${name}: (-?[\\d.]+) dB`).exec(report)?.[1]);
  return { mean: read("mean_volume"), peak: read("max_volume") };
}

async function whiteFrames(path: string): Promise<number[]> {
  const args = ["-v", "error", "-i", path, "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-"];
  const lines = (await run("ffmpeg", [...args, "-f", "null", "-"])).toString().split("\n");
  const frames: number[] = [];
  let frame = 0;
  for (const line of lines) {
    if (line.startsWith("frame:")) frame = Number.parseInt(line.slice(6), 10);
    else if (Number(line.split("=")[1]) > 200) frames.push(frame);
  }
  return frames;
}

async function clickTimes(path: string, track: number): Promise<number[]> {
  const filter = "silencedetect=n=-30dB:d=1";
  const report = await stderrOf([
    "-hide_banner",
    "-nostats",
    "-i",
    path,
    "-map",
    `0:a:${track}`,
    "-af",
    filter,
    "-f",
    "null",
    "-",
  ]);
  const ends = [...report.matchAll(/silence_end: ([\d.]+)/g)].map((match) => Number(match[1]));
  // The last silence ends with the film.
  return ends.filter((end) => end < 60.5);
}

/** FFmpeg's reports go to its standard error. */
async function stderrOf(args: readonly string[]): Promise<string> {
  return (await run("sh", ["-c", 'exec ffmpeg "$@" 2>&1 >/dev/null', "sh", ...args])).toString();
}
