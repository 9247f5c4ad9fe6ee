import assert from "node:assert/strict";
import { planChunks } from "./chunks.ts";
import { audioArgs, chunkArgs, posterArgs, stitchArgs, stitchList, timescale } from "./encode.ts";
import { DEMUXERS } from "./ffmpeg.ts";
import { describedMedia } from "./fixtures.ts";
import { buildLadder } from "./ladder.ts";
import type { VideoStream } from "./probe.ts";
import { rational } from "./rational.ts";

const INPUT = `-protocol_whitelist file,pipe -format_whitelist ${DEMUXERS.join(",")} -i file:/s/film.mp4`;

describe("the command line", () => {
  const job = (video: Partial<VideoStream>, index: number, rungs = 2) => {
    const info = describedMedia(video);
    const plan = planChunks(info, { targetSeconds: 10 });
    const chunk = plan.chunks[index];
    assert.ok(chunk !== undefined);
    const outputs = buildLadder(info.video)
      .slice(0, rungs)
      .map((rung) => ({ rung, path: `/w/${rung.name}.mp4` }));
    return { source: "/s/film.mp4", info, plan, chunk, outputs };
  };

  it("of a chunk decodes once, scales in a cascade and encodes every rendition with closed GOPs", () => {
    const common = (size: { level: string; crf: number; max: number; name: string; pad: number }) =>
      [
        `-map [v${size.pad}] -frames:v 240 -fps_mode passthrough -c:v libx264 -preset veryfast -threads 1`,
        `-profile:v high -level:v ${size.level} -crf ${size.crf} -maxrate ${size.max} -bufsize ${2 * size.max}`,
        "-g 48 -keyint_min 48 -sc_threshold 0 -flags +cgop -x264-params stitchable=1",
        "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv",
        "-map_metadata -1 -map_chapters -1 -bitexact",
        `-video_track_timescale 24000 -f mp4 file:/w/${size.name}.mp4`,
      ].join(" ");
    assert.equal(
      chunkArgs(job({}, 1)).join(" "),
      [
        "-v error -filter_complex_threads 1 -threads 1 -ss 10.009998 -an -sn -dn",
        INPUT,
        "-filter_complex [0:0]settb=1001/24000,setpts=N,fps=24000/1001,scale=640:360:flags=bicubic,format=yuv420p,setsar=1,split=2[v0][s0];[s0]scale=426:240:flags=bicubic,setsar=1[v1]",
        common({ level: "3.0", crf: 24, max: 900_000, name: "360p", pad: 0 }),
        common({ level: "2.1", crf: 25, max: 400_000, name: "240p", pad: 1 }),
      ].join(" "),
    );
  });

  it("of a chunk that is no multiple of the GOP forces keyframes by frame number", () => {
    const keyframes = [0, 251, 480].map((frame) => ({ frame, seconds: (frame * 1001) / 24000 }));
    const args = chunkArgs(job({ keyframes, frameCount: 720 }, 0, 1)).join(" ");
    assert.match(
      args,
      /-g 252 -keyint_min 1 .* -forced-idr 1 -force_key_frames expr:eq\(n,0\)\+eq\(n,50\)\+eq\(n,100\)\+eq\(n,151\)\+eq\(n,201\) /,
    );
  });

  it("of a film without a constant rate takes frames by their time", () => {
    const args = chunkArgs(job({ isConstantFrameRate: false, frameRate: rational(30), frameCount: 1200 }, 1, 1)).join(
      " ",
    );
    assert.match(args, / -copyts -ss \d+\.\d{6} -an -sn -dn /);
    assert.match(args, /\[0:0\]fps=30:start_time=\d+\.\d{9}:round=near,settb=1\/30,setpts=N,fps=30,/);
  });

  it("of the last chunk lets a last frame that is lost stand still", () => {
    assert.match(chunkArgs(job({}, 5, 1)).join(" "), /tpad=stop_mode=clone:stop=48/);
    assert.doesNotMatch(chunkArgs(job({}, 4, 1)).join(" "), /tpad/);
  });

  it("converts only colours that are not what is written", () => {
    const filterOf = (video: Partial<VideoStream>) => chunkArgs(job(video, 0, 1)).join(" ");
    const untagged = { primaries: undefined, transfer: undefined, matrix: undefined, range: undefined };
    assert.doesNotMatch(filterOf({ colour: untagged }), /matrix/);
    assert.match(filterOf({ colour: untagged, height: 576 }), /in_color_matrix=bt601:out_color_matrix=bt709/);
    assert.match(filterOf({ colour: { ...untagged, range: "pc" } }), /in_range=pc:out_range=tv/);
    const hdr = { ...job({ dynamicRange: "hdr10" }, 0, 1), hasZscale: true };
    assert.match(chunkArgs(hdr).join(" "), /zscale=tin=smpte2084.*tonemap=tonemap=hable.*zscale=t=709:m=709/);
  });

  it("of the stitching copies the frames of a list with exact lengths", () => {
    const { plan } = job({}, 0);
    const args = stitchArgs({ list: "/w/list.ffconcat", frameRate: plan.frameRate, output: "/w/out.mp4" });
    assert.equal(
      args.join(" "),
      "-v error -xerror -f concat -safe 0 -protocol_whitelist file,pipe -format_whitelist concat,mov -i file:/w/list.ffconcat -map 0:v:0 -c copy -bitexact -video_track_timescale 24000 -f mp4 file:/w/out.mp4",
    );
    const list = stitchList(plan, ["a b.mp4", "it's.mp4"]).split("\n");
    assert.deepEqual(list.slice(0, 5), [
      "ffconcat version 1.0",
      "file 'a b.mp4'",
      "duration 10010000us",
      "file 'it'\\''s.mp4'",
      "duration 10010000us",
    ]);
  });

  it("of a sound track starts at the first frame and lasts as long as the video", () => {
    const info = { ...describedMedia({ startSeconds: 1.5 }), startSeconds: 1.25 };
    const stream = {
      index: 2,
      codec: "ac3",
      channels: 6,
      sampleRate: 48000,
      language: "en",
      title: undefined,
      isDefault: true,
      isDescription: false,
      startSeconds: 1.25,
      durationSeconds: 60,
    };
    assert.equal(
      audioArgs({ source: "/s/film.mp4", info, stream, output: "/w/a.mp4" }).join(" "),
      `-v error -vn -sn -dn ${INPUT} -map 0:2 -af asetpts=PTS-0.250000/TB,aresample=48000:async=48:min_comp=0.01:min_hard_comp=0.03:flags=res:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end_sample=2882880 -c:a aac -b:a 128000 -map_metadata -1 -map_chapters -1 -bitexact -f mp4 file:/w/a.mp4`,
    );
  });

  it("of a poster keeps the film's shape and never scales up", () => {
    const args = posterArgs({
      source: "/s/film.mp4",
      info: describedMedia(),
      seconds: 5,
      width: 4000,
      output: "/w/p.jpg",
    });
    assert.match(args.join(" "), /-ss 5\.000000 .*scale=1920:1080.* -f image2 -update 1 file:\/w\/p\.jpg$/);
  });

  it("gives every rate a time scale in which its frames are exact", () => {
    for (const rate of [rational(24000, 1001), rational(24), rational(25), rational(30000, 1001), rational(12)]) {
      const scale = timescale(rate);
      assert.ok(scale >= 10_000 && Number.isInteger((scale * rate.den) / rate.num), String(scale));
    }
  });
});
