import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAppError } from "#pkg/errors/errors";
import { makeFilm, testPicture, X264 } from "./fixtures.ts";
import { probe } from "./probe.ts";
import { formatRational } from "./rational.ts";

describe("the probe", () => {
  let folder: string;
  const at = (name: string) => join(folder, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-probe-"));
    const subtitles = "1\n00:00:00,500 --> 00:00:01,500\nHello\n";
    await writeFile(at("captions.srt"), subtitles);
    const audio = ["-f", "lavfi", "-i", "sine=d=3", "-f", "lavfi", "-i", "sine=f=880:d=3:sample_rate=48000"];
    await makeFilm(at("film.mkv"), [
      ...testPicture("320x180", "24000/1001", 3),
      ...audio,
      ...["-i", at("captions.srt"), "-map", "0", "-map", "1", "-map", "2", "-map", "3"],
      ...[...X264, "-g", "24", "-c:a", "aac", "-c:s", "srt", "-ac:a:1", "2"],
      ...["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-metadata:s:s:0", "language=fre"],
      ...["-disposition:a:1", "default", "-disposition:s:0", "forced", "-metadata", "title=A film"],
    ]);
    await makeFilm(at("film.mp4"), [...testPicture("320x180", "25", 3), ...audio.slice(0, 4), ...X264, "-c:a", "aac"]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const rejects = async (name: string, reason: string) => {
    await assert.rejects(probe(at(name)), (error) => {
      assert.ok(isAppError(error, reason), `${name}: ${error}`);
      return true;
    });
  };

  it("reads container, picture, every sound track and every caption track", async () => {
    const info = await probe(at("film.mkv"));
    assert.equal(info.container, "matroska");
    assert.equal(info.title, "A film");
    const { video } = info;
    assert.deepEqual(
      [video.codec, video.displayWidth, video.displayHeight, video.rotation, video.bitDepth, video.colour.matrix],
      ["h264", 320, 180, 0, 8, "bt709"],
    );
    assert.deepEqual(
      info.audio.map(({ codec, channels, sampleRate, language, isDefault }) => [
        codec,
        channels,
        sampleRate,
        language,
        isDefault,
      ]),
      [
        ["aac", 1, 44100, "en", false],
        ["aac", 2, 48000, "de", true],
      ],
    );
    assert.deepEqual(
      info.text.map(({ codec, language, isForced, isText }) => [codec, language, isForced, isText]),
      [["subrip", "fr", true, true]],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(info)).video.frameRate, { num: 24000, den: 1001 });
  });

  it("finds the exact frame rate behind a container's rounded clock", async () => {
    const { video } = await probe(at("film.mkv"));
    assert.equal(formatRational(video.frameRate), "24000/1001");
    assert.equal(video.isConstantFrameRate, true);
    assert.equal(video.frameCount, 72);
    assert.deepEqual(
      video.keyframes.map(({ frame }) => frame),
      [0, 24, 48],
    );
  });

  for (const [rate, frames] of [
    ["24", 48],
    ["25", 50],
    ["30000/1001", 60],
    ["60000/1001", 120],
  ] as const) {
    it(`counts the frames at ${rate} a second`, async () => {
      await makeFilm(at("rate.ts"), [...testPicture("128x72", rate, 2), ...X264]);
      const { video } = await probe(at("rate.ts"));
      assert.equal(formatRational(video.frameRate), rate);
      assert.equal(video.isConstantFrameRate, true);
      assert.equal(video.frameCount, frames);
    });
  }

  it("gives a film without a constant rate one from its usual distance of frames", async () => {
    const drop = "select='not(eq(mod(n,7),3))*not(between(n,40,60))'";
    await makeFilm(at("vfr.mp4"), [
      ...testPicture("128x72", "30", 4),
      "-vf",
      drop,
      "-fps_mode",
      "passthrough",
      ...X264,
    ]);
    const { video } = await probe(at("vfr.mp4"));
    assert.equal(video.isConstantFrameRate, false);
    assert.equal(formatRational(video.frameRate), "30");
    assert.ok(Math.abs(video.frameCount - 120) <= 1, String(video.frameCount));
  });

  it("turns and squares the picture", async () => {
    await makeFilm(at("flat.mp4"), [...testPicture("180x144", "25", 0.4), "-vf", "setsar=16/15", ...X264]);
    const flat = (await probe(at("flat.mp4"))).video;
    assert.deepEqual([flat.displayWidth, flat.displayHeight], [192, 144]);
    await makeFilm(at("turned.mp4"), ["-i", at("film.mp4"), "-c", "copy", "-metadata:s:v", "rotate=270"]);
    const turned = (await probe(at("turned.mp4"))).video;
    assert.deepEqual([turned.rotation, turned.displayWidth, turned.displayHeight], [90, 180, 320]);
  });

  it("refuses an empty file", async () => {
    await writeFile(at("empty.mp4"), "");
    await rejects("empty.mp4", "MEDIA_EMPTY_FILE");
  });

  it("refuses a text, a picture and random bytes under a film's name", async () => {
    await writeFile(at("text.mp4"), "Not a film.\n".repeat(100));
    await makeFilm(at("picture.png"), [...testPicture("64x64", "1", 1), "-frames:v", "1"]);
    await writeFile(at("picture.mp4"), await readFile(at("picture.png")));
    await writeFile(at("zeros.mp4"), Buffer.alloc(100_000));
    for (const name of ["text.mp4", "picture.mp4", "zeros.mp4"]) await rejects(name, "MEDIA_NOT_RECOGNISED");
  });

  it("refuses playlists under a film's name without reading what they name", async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const playlist = (target: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n${target}\n#EXT-X-ENDLIST\n`;
    const files = {
      "hls-file.mp4": playlist(`file://${at("film.mp4")}`),
      "hls-address.mp4": playlist(`${origin}/secret.ts`),
      "concat-file.mp4": `ffconcat version 1.0\nfile ${at("film.mp4")}\n`,
      "concat-address.mp4": `ffconcat version 1.0\nfile ${origin}/secret.mp4\n`,
      "dash.mp4": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>${origin}/dash.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
      "sdp.mp4":
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    };
    try {
      for (const [name, text] of Object.entries(files)) {
        await writeFile(at(name), text);
        await rejects(name, "MEDIA_NOT_RECOGNISED");
      }
      assert.deepEqual(asked, []);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("refuses a film that is cut short, wherever its index is", async () => {
    const whole = await readFile(at("film.mp4"));
    await writeFile(at("no-index.mp4"), whole.subarray(0, Math.floor(whole.length / 2)));
    await makeFilm(at("fast.mp4"), ["-i", at("film.mp4"), "-c", "copy", "-movflags", "+faststart"]);
    const fast = await readFile(at("fast.mp4"));
    await truncate(at("fast.mp4"), Math.floor(fast.length * 0.6));
    const mkv = await readFile(at("film.mkv"));
    await writeFile(at("cut.mkv"), mkv.subarray(0, Math.floor(mkv.length * 0.5)));
    await writeFile(at("nearly.mkv"), mkv.subarray(0, mkv.length - 10));
    await writeFile(at("header.mkv"), mkv.subarray(0, 40));
    for (const name of ["no-index.mp4", "fast.mp4", "cut.mkv", "nearly.mkv", "header.mkv"])
      await rejects(name, "MEDIA_TRUNCATED");
  });

  it("refuses a file without video, and one of a single frame", async () => {
    await makeFilm(at("sound.mp4"), ["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"]);
    await rejects("sound.mp4", "MEDIA_NO_VIDEO");
    await makeFilm(at("frame.mp4"), [...testPicture("64x64", "25", 1), "-frames:v", "1", ...X264]);
    await rejects("frame.mp4", "MEDIA_TOO_SHORT");
  });

  it("takes no caption track for the film's length", async () => {
    await writeFile(
      at("late.srt"),
      "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n99:00:00,000 --> 99:00:01,000\nBye\n",
    );
    await makeFilm(at("late.mkv"), [
      "-i",
      at("film.mp4"),
      "-i",
      at("late.srt"),
      "-map",
      "0",
      "-map",
      "1",
      "-c",
      "copy",
    ]);
    const info = await probe(at("late.mkv"));
    assert.equal(Math.round(info.durationSeconds), 3);
    assert.equal(info.text.length, 1);
  });

  it("takes a name that looks like an option or an address for a name", async () => {
    const film = await readFile(at("film.mp4"));
    for (const name of ["-i.mp4", "http:evil.mp4", "a 🎬 'name'.mp4", "%03d.mp4"]) {
      await writeFile(at(name), film);
      assert.equal((await probe(at(name))).video.frameCount, 75, name);
    }
  });
});
