import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { isAppError } from "#pkg/errors/errors";
import { isOutOfSpace } from "#pkg/errors/space";
import { refused } from "#pkg/testkit/refused";
import { canToneMap } from "./capabilities.ts";
import { type ChunkPlan, planChunks, plannedKeyframes } from "./chunks.ts";
import { inputArgs, runTool } from "./ffmpeg.ts";
import { makeFilm, testPicture, X264 } from "./fixtures.ts";
import { buildLadder, type Rung } from "./ladder.ts";
import { countVideoSamples, readTracks } from "./mp4.ts";
import { type MediaInfo, probe } from "./probe.ts";
import { formatRational, frameToSeconds } from "./rational.ts";
import { encodeAudio, encodeChunk, extractPoster, resizePicture, stitchChunks } from "./run.ts";
import { extractText } from "./text.ts";
import { parseVtt } from "./vtt.ts";

const run = promisify(execFile);

describe("encoding", function () {
  this.timeout(60_000);
  let folder: string;
  const at = (name: string) => join(folder, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-encode-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Encodes every rung in chunks and joins them; answers the files by rung. */
  async function encodeAll(
    source: string,
    info: MediaInfo,
    plan: ChunkPlan,
    rungs: readonly Rung[],
  ): Promise<string[]> {
    for (const chunk of plan.chunks) {
      const outputs = rungs.map((rung) => ({ rung, path: at(`${rung.name}-${chunk.index}.mp4`) }));
      await encodeChunk({ source, info, plan, chunk, outputs, preset: "ultrafast" });
    }
    const joined: string[] = [];
    for (const rung of rungs) {
      const chunks = plan.chunks.map((chunk) => at(`${rung.name}-${chunk.index}.mp4`));
      const output = at(`${rung.name}.mp4`);
      await stitchChunks({ plan, chunks, output, workFolder: folder });
      joined.push(output);
    }
    return joined;
  }

  for (const [rate, container] of [
    ["24", "mkv"],
    ["24000/1001", "mp4"],
    ["24000/1001", "mkv"],
    ["30000/1001", "ts"],
    ["25", "mov"],
  ] as const) {
    it(`of a ${rate} film in ${container} by chunks gives every source frame at its place`, async () => {
      const source = at(`film.${container}`);
      // Scene cuts and odd keyframes: chunks that are no multiple of the GOP.
      await makeFilm(source, [...testPicture("426x240", rate, 9), ...X264, "-g", "70", "-crf", "18"]);
      const info = await probe(source);
      const plan = planChunks(info, { targetSeconds: 3 });
      assert.ok(plan.chunks.length >= 3);
      const [output = ""] = await encodeAll(source, info, plan, buildLadder(info.video).slice(0, 1));
      const result = await probe(output);
      assert.equal(formatRational(result.video.frameRate), rate);
      assert.equal(result.video.frameCount, info.video.frameCount);
      assert.equal(result.video.startSeconds, 0);
      // The picture moves and counts: a frame out of place would match its source badly.
      assert.ok((await worstMatch(source, output)) > 28);
    });
  }

  it("in several renditions puts keyframes at the same places, under one header for all chunks", async () => {
    const source = at("multi.mp4");
    await makeFilm(source, [...testPicture("640x360", "30000/1001", 9), ...X264, "-g", "100"]);
    const info = await probe(source);
    const plan = planChunks(info, { targetSeconds: 3 });
    const rungs = buildLadder(info.video);
    const outputs = await encodeAll(source, info, plan, rungs);
    const expected = plannedKeyframes(plan);
    for (const [i, output] of outputs.entries()) {
      assert.deepEqual(
        await keyframesOf(output),
        expected.map((frame) => frame * 1001),
      );
      const headers = await Promise.all(
        plan.chunks.map((chunk) => headerOf(at(`${rungs[i]?.name}-${chunk.index}.mp4`))),
      );
      assert.equal(new Set(headers).size, 1);
    }
  });

  it("of a film without a constant rate gives exact frames at a constant one", async () => {
    const source = at("vfr.mp4");
    const drop = "select='not(eq(mod(n,7),3))*not(between(n,100,130))'";
    await makeFilm(source, [
      ...testPicture("426x240", "30", 9),
      "-vf",
      drop,
      "-fps_mode",
      "passthrough",
      ...X264,
      "-g",
      "50",
      "-crf",
      "18",
    ]);
    const info = await probe(source);
    const plan = planChunks(info, { targetSeconds: 3 });
    assert.equal(plan.timing, "timed");
    const [output = ""] = await encodeAll(source, info, plan, buildLadder(info.video).slice(0, 1));
    assert.equal(await countVideoSamples(output), info.video.frameCount);
    assert.ok((await worstMatch(source, output, "fps=30:round=near,")) > 28);
  });

  it("turns a picture that was filmed upright", async () => {
    await makeFilm(at("lying.mp4"), [...testPicture("426x240", "25", 1), ...X264]);
    await makeFilm(at("upright.mp4"), ["-i", at("lying.mp4"), "-c", "copy", "-metadata:s:v", "rotate=90"]);
    const info = await probe(at("upright.mp4"));
    const [output = ""] = await encodeAll(
      at("upright.mp4"),
      info,
      planChunks(info),
      buildLadder(info.video).slice(0, 1),
    );
    const { video } = await probe(output);
    assert.deepEqual([video.width, video.height, video.rotation], [240, 426, 0]);
    await extractPoster({ source: at("upright.mp4"), info, seconds: 0.2, width: 120, output: at("poster.jpg") });
    const poster = await readFile(at("poster.jpg"));
    assert.deepEqual([...poster.subarray(0, 2)], [0xff, 0xd8]);
    const sizes = [60, 40].flatMap((width) =>
      ["jpg", "webp"].map((kind) => ({ width, kind, output: at(`poster-${width}.${kind}`) })),
    );
    await resizePicture({ source: at("poster.jpg"), sizes });
    for (const { width, kind, output } of sizes) {
      const args = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
      const { stdout } = await runTool({
        tool: "ffprobe",
        args: [...args, ...inputArgs(output, ["image2", "jpeg_pipe", "webp_pipe"])],
      });
      const [codec, ...size] = stdout.trim().split(",");
      const [wide = 0, high = 0] = size.map(Number);
      assert.deepEqual([codec, wide], [kind === "jpg" ? "mjpeg" : "webp", width]);
      assert.ok(Math.abs(high - (width * 426) / 240) <= 2, `${width} wide and ${high} high`);
    }
  });

  it("brings a film of high dynamic range down to the standard one", async () => {
    const hdr = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084"];
    const x265 = [
      "-c:v",
      "libx265",
      "-preset",
      "ultrafast",
      "-x265-params",
      "log-level=none",
      "-pix_fmt",
      "yuv420p10le",
    ];
    await makeFilm(at("hdr.mkv"), [...testPicture("426x240", "25", 1), ...x265, ...hdr]);
    const info = await probe(at("hdr.mkv"));
    assert.deepEqual([info.video.dynamicRange, info.video.bitDepth], ["hdr10", 10]);
    assert.equal(await canToneMap(), true);
    const [output = ""] = await encodeAll(at("hdr.mkv"), info, planChunks(info), buildLadder(info.video).slice(0, 1));
    const { video } = await probe(output);
    assert.deepEqual([video.pixelFormat, video.colour.transfer, video.colour.matrix], ["yuv420p", "bt709", "bt709"]);
  });

  it("keeps sound at its time stamps where the recorder's clock was off", async () => {
    // One part in two thousand: 30 ms after a minute, and seconds over a film.
    const click = "aevalsrc='if(lt(mod(t,10),0.005),sin(2*PI*2000*t),0)':s=48000:d=60";
    await makeFilm(at("drift.mkv"), [
      ...["-f", "lavfi", "-i", "color=black:s=64x64:r=25:d=60", "-f", "lavfi", "-i", click],
      ...["-af", "asetpts=PTS*1.0005", ...X264, "-c:a", "pcm_s16le"],
    ]);
    const info = await probe(at("drift.mkv"));
    const [stream] = info.audio;
    assert.ok(stream !== undefined);
    await encodeAudio({ source: at("drift.mkv"), info, stream, output: at("drift.mp4") });
    const clicks = await clicksOf(at("drift.mp4"));
    assert.equal(clicks.length, 6);
    for (const [i, click] of clicks.entries()) assert.ok(Math.abs(click - i * 10.005) < 0.015, `${click}`);
  });

  it("refuses a result with another number of frames than planned, and leaves no file", async () => {
    await makeFilm(at("short.mp4"), [...testPicture("128x72", "25", 2), ...X264]);
    const info = await probe(at("short.mp4"));
    const plan = planChunks({ ...info, video: { ...info.video, frameCount: 500 } });
    const [chunk] = plan.chunks;
    const [rung] = buildLadder(info.video);
    assert.ok(chunk !== undefined && rung !== undefined);
    const outputs = [{ rung, path: at("refused.mp4") }];
    const encoding = encodeChunk({ source: at("short.mp4"), info, plan, chunk, outputs, preset: "ultrafast" });
    await assert.rejects(encoding, refused("MEDIA_FRAME_COUNT"));
    assert.ok(!(await readdir(folder)).includes("refused.mp4"));
  });

  describe("where there is no room, or what was written is not whole", () => {
    let source: string;
    let info: MediaInfo;
    let small: string;

    before(async () => {
      source = at("room.mkv");
      const sound = ["-f", "lavfi", "-i", "anoisesrc=d=20:a=0.5", "-c:a", "pcm_s16le"];
      await makeFilm(source, [...testPicture("128x72", "25", 20), ...sound, ...X264]);
      info = await probe(source);
      small = at("small");
      await mkdir(small);
      // Only root may mount a file system of 96 KiB; others get as little room by a limit on each file.
      if (process.getuid?.() === 0) await run("mount", ["-t", "tmpfs", "-o", "size=96k", "tmpfs", small]);
    });
    after(async () => {
      if (process.getuid?.() === 0) await run("umount", [small]);
    });

    async function refuses(what: string, make: (output: string) => Promise<void>): Promise<void> {
      const output = join(small, what);
      await assert.rejects(make(output), (error) => {
        const isRoot = process.getuid?.() === 0;
        assert.ok(
          isRoot ? isOutOfSpace(error) : isAppError(error, "MEDIA_OUTPUT_TOO_LARGE"),
          `${what}: ${error} ${isAppError(error) ? error.metadata.log : ""}`,
        );
        return true;
      });
      assert.deepEqual(await readdir(small), [], what);
    }
    const options = { maxOutputBytes: process.getuid?.() === 0 ? 2 ** 40 : 96 * 1024 };

    it("sound, a chunk and joined chunks are refused as what they are, and leave no file", async () => {
      const [stream] = info.audio;
      const [rung] = buildLadder(info.video);
      const plan = planChunks(info, { targetSeconds: 60 });
      const [chunk] = plan.chunks;
      assert.ok(stream !== undefined && rung !== undefined && chunk !== undefined);
      // Where only the index, or only the last of the sound, finds no room, FFmpeg says so and exits 0.
      for (const durationSeconds of [6.6, 8, 20]) {
        const shorter = { ...info, video: { ...info.video, durationSeconds } };
        await refuses("sound.mp4", (output) => encodeAudio({ source, info: shorter, stream, output }, options));
      }
      const heavy = { ...rung, crf: 1, maxBitrate: 20_000_000, bufferBits: 20_000_000 };
      const encode = (path: string, outputOptions = {}) =>
        encodeChunk(
          { source, info, plan, chunk, outputs: [{ rung: heavy, path }], preset: "ultrafast" },
          outputOptions,
        );
      await refuses("chunk.mp4", (output) => encode(output, options));
      const whole = at("whole-chunk.mp4");
      await encode(whole);
      await refuses("joined.mp4", (output) =>
        stitchChunks({ plan, chunks: [whole], output, workFolder: folder }, options),
      );
    });

    it("what is cut short anywhere is never taken for whole", async () => {
      const [stream] = info.audio;
      assert.ok(stream !== undefined);
      const sound = at("whole-sound.mp4");
      await encodeAudio({ source, info, stream, output: sound });
      const bytes = await readFile(sound);
      for (const length of [0, 7, 100, Math.floor(bytes.length / 2), bytes.length - 1]) {
        await writeFile(at("cut.mp4"), bytes.subarray(0, length));
        await assert.rejects(readTracks(at("cut.mp4")), refused("MEDIA_OUTPUT_DAMAGED"));
      }
    });
  });

  it("keeps sound and picture together over a film of 23.976 frames a second", async () => {
    // A white frame and a click at every 240th frame; the sound starts half a second after the picture in the file.
    const source = at("sync.mkv");
    const click = "aevalsrc='if(lt(mod(t,10.01),0.005),sin(2*PI*2000*t),0)':s=44100:d=61";
    await makeFilm(source, [
      ...["-f", "lavfi", "-i", "color=black:s=128x72:r=24000/1001:d=61"],
      ...["-f", "lavfi", "-i", click, "-filter_complex"],
      "[0:v]drawbox=c=white:t=fill:enable='not(mod(n,240))'[v];[1:a]atrim=start=0.5,asetpts=PTS[a]",
      ...["-map", "[v]", "-map", "[a]", ...X264, "-g", "100", "-c:a", "aac", "-output_ts_offset", "1.7"],
    ]);
    const info = await probe(source);
    assert.ok((info.audio[0]?.startSeconds ?? 0) - info.video.startSeconds > 0.4);
    const plan = planChunks(info, { targetSeconds: 10 });
    const [output = ""] = await encodeAll(source, info, plan, buildLadder(info.video).slice(0, 1));
    assert.equal(await countVideoSamples(output), info.video.frameCount);
    const [stream] = info.audio;
    assert.ok(stream !== undefined);
    await encodeAudio({ source, info, stream, output: at("sound.mp4") });
    const clicks = await clicksOf(at("sound.mp4"));
    const flashes = (await flashesOf(output)).map((frame) => frameToSeconds(frame, plan.frameRate));
    // The first click fell into the half second without sound.
    assert.equal(flashes.length, 7);
    assert.equal(clicks.length, 6);
    const frameSeconds = frameToSeconds(1, plan.frameRate);
    for (const [i, click] of clicks.entries()) {
      const drift = click - (flashes[i + 1] ?? 0);
      assert.ok(Math.abs(drift) < frameSeconds, `${drift * 1000} ms at ${click} s`);
    }
    const sound = await probeDuration(at("sound.mp4"));
    assert.ok(Math.abs(sound - info.video.durationSeconds) < frameSeconds);
  });

  it("writes captions on the film's clock, from a track or from a file beside it", async () => {
    const srt = "1\n00:00:00,500 --> 00:00:01,500\n<i>Hello</i>\n\n2\n00:00:01,800 --> 00:00:09,000\nGood bye\n";
    await writeFile(at("c.srt"), srt);
    await makeFilm(at("c.mkv"), [
      ...testPicture("128x72", "25", 3),
      "-i",
      at("c.srt"),
      ...X264,
      "-output_ts_offset",
      "5",
    ]);
    const info = await probe(at("c.mkv"));
    const [stream] = info.text;
    assert.ok(stream !== undefined);
    await extractText({ source: at("c.mkv"), info, stream, output: at("track.vtt") });
    const cues = parseVtt(await readFile(at("track.vtt"), "utf8"));
    assert.deepEqual(
      cues.map(({ startSeconds, endSeconds, text }) => [startSeconds, endSeconds, text]),
      [
        [0.5, 1.5, "<i>Hello</i>"],
        [1.8, 3, "Good bye"],
      ],
    );
  });
});

/** The lowest PSNR of luma, in dB, of any frame against the source's frame of the same number. */
async function worstMatch(source: string, output: string, sourceFilter = ""): Promise<number> {
  const stats = `${output}.psnr`;
  const count = "settb=1/25,setpts=N";
  const filter = `[0:v]${count}[a];[1:v]${sourceFilter}${count}[b];[a][b]psnr=stats_file=${stats}`;
  const inputs = ["-i", output, "-i", source, "-fps_mode", "passthrough"];
  await decode(["-v", "fatal", ...inputs, "-filter_complex", filter, "-f", "null"]);
  const lines = (await readFile(stats, "utf8")).trim().split("\n");
  return Math.min(...lines.map((line) => Number(/psnr_y:(\S+)/.exec(line)?.[1]?.replace("inf", "99"))));
}

async function keyframesOf(path: string): Promise<number[]> {
  const { stdout } = await runTool({
    tool: "ffprobe",
    args: [
      "-v",
      "error",
      "-select_streams",
      "v",
      "-show_entries",
      "packet=pts,flags",
      "-of",
      "csv=p=0",
      ...inputArgs(path),
    ],
  });
  const packets = stdout
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return packets.filter((packet) => packet[1]?.startsWith("K")).map((packet) => Number(packet[0]));
}

async function headerOf(path: string): Promise<string> {
  const { stdout } = await runTool({
    tool: "ffprobe",
    args: [
      "-v",
      "error",
      "-show_streams",
      "-show_data_hash",
      "sha256",
      "-show_entries",
      "stream=extradata_hash",
      "-of",
      "csv=p=0",
      ...inputArgs(path),
    ],
  });
  return stdout.trim();
}

async function probeDuration(path: string): Promise<number> {
  const { stdout } = await runTool({
    tool: "ffprobe",
    args: ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", ...inputArgs(path)],
  });
  return Number(stdout);
}

/** Raw output of ffmpeg on a trusted file. */
async function decode(args: readonly string[]): Promise<Buffer> {
  const child = spawn("ffmpeg", ["-v", "error", "-nostdin", ...args, "pipe:1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return buffer(child.stdout);
}

/** Numbers of the frames that are white. */
async function flashesOf(path: string): Promise<number[]> {
  const pixels = await decode([
    "-i",
    path,
    "-fps_mode",
    "passthrough",
    "-vf",
    "scale=1:1:flags=area",
    "-pix_fmt",
    "gray",
    "-f",
    "rawvideo",
  ]);
  return [...pixels].flatMap((value, frame) => (value > 128 ? [frame] : []));
}

/** Times in seconds at which a click begins. */
async function clicksOf(path: string): Promise<number[]> {
  const bytes = await decode(["-i", path, "-ac", "1", "-ar", "48000", "-f", "s16le"]);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const found: number[] = [];
  let quietUntil = 0;
  samples.forEach((sample, i) => {
    if (Math.abs(sample) < 5000 || i < quietUntil) return;
    found.push(i / 48_000);
    quietUntil = i + 48_000;
  });
  return found;
}
