import assert from "node:assert/strict";
import { avcCodecString, avcLevel } from "./codecs.ts";
import { describedVideo } from "./fixtures.ts";
import { buildLadder } from "./ladder.ts";
import { rational } from "./rational.ts";
import { resolutionClassOf } from "./resolution-class.ts";

describe("the ladder", () => {
  const sizes = (displayWidth: number, displayHeight: number, maxHeight?: number) =>
    buildLadder(describedVideo({ displayWidth, displayHeight }), maxHeight === undefined ? {} : { maxHeight }).map(
      ({ name, width, height }) => `${name} ${width}x${height}`,
    );

  it("goes from the source's own size down, lowest first", () => {
    assert.deepEqual(sizes(1920, 1080), [
      "240p 426x240",
      "360p 640x360",
      "480p 852x480",
      "720p 1280x720",
      "1080p 1920x1080",
    ]);
    assert.deepEqual(sizes(640, 360), ["240p 426x240", "360p 640x360"]);
    assert.deepEqual(sizes(3840, 2160).at(-1), "2160p 3840x2160");
    assert.deepEqual(sizes(3840, 2160, 1080).at(-1), "1080p 1920x1080");
  });

  it("never scales up, and keeps the size of a source between two steps", () => {
    assert.deepEqual(sizes(160, 120), ["120p 160x120"]);
    assert.deepEqual(sizes(1600, 900).slice(-2), ["720p 1280x720", "900p 1600x900"]);
    assert.deepEqual(sizes(1920, 1088).slice(-2), ["720p 1270x720", "1080p 1904x1080"]);
    assert.deepEqual(sizes(321, 241), ["240p 318x240"]);
  });

  it("keeps the picture's shape: wide, narrow and upright", () => {
    assert.deepEqual(sizes(1920, 800).at(-1), "1080p 1920x800");
    assert.deepEqual(sizes(1440, 1080).at(-1), "1080p 1440x1080");
    assert.deepEqual(
      sizes(1080, 1920).map((size) => size.split(" ")[1]),
      ["240x426", "360x640", "480x852", "720x1280", "1080x1920"],
    );
  });

  it("has even sides, growing bitrates, and the key class of its pixels", () => {
    for (const [width, height] of [
      [1919, 799],
      [853, 481],
      [4096, 1716],
      [7680, 4320],
    ] as const) {
      const ladder = buildLadder(describedVideo({ displayWidth: width, displayHeight: height }));
      for (const rung of ladder) {
        assert.ok(
          rung.width % 2 === 0 && rung.height % 2 === 0 && rung.width <= width && rung.height <= height,
          rung.name,
        );
      }
      const bitrates = ladder.map((rung) => rung.maxBitrate);
      assert.deepEqual(
        bitrates,
        [...bitrates].sort((a, b) => a - b),
      );
    }
    const classes = buildLadder(describedVideo({ displayWidth: 3840, displayHeight: 2160 })).map(({ width, height }) =>
      resolutionClassOf(width * height),
    );
    assert.deepEqual(classes, ["sd", "sd", "sd", "hd", "hd", "uhd", "uhd"]);
  });

  it("names levels and codec strings by the standard", () => {
    assert.equal(avcCodecString("high", "4.0"), "avc1.640028");
    assert.equal(avcCodecString("main", "3.1"), "avc1.4d401f");
    const level = (width: number, height: number, rate: number) =>
      avcLevel({ width, height, frameRate: rational(rate), maxBitrate: 5_000_000 });
    assert.equal(level(1920, 1080, 30), "4.0");
    assert.equal(level(1920, 1080, 60), "4.2");
    assert.equal(level(1280, 720, 30), "3.1");
    assert.equal(level(3840, 2160, 30), "5.1");
    assert.equal(level(3840, 2160, 60), "5.2");
  });
});
