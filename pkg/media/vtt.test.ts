import assert from "node:assert/strict";
import { refused } from "#pkg/testkit/refused";
import { formatVtt, parseVtt, shiftCues } from "./vtt.ts";

const SAMPLE = `\uFEFFWEBVTT - captions\r
\r
STYLE
::cue { color: lime }

NOTE a remark

intro
00:01.500 --> 00:03.000 line:90% align:start
Two lines
<i>of text</i>

01:00:00.000 --> 01:00:01.250
Später
`;

describe("WebVTT", () => {
  it("is read with ids, settings, short times and line ends of any kind", () => {
    assert.deepEqual(parseVtt(SAMPLE), [
      {
        id: "intro",
        startSeconds: 1.5,
        endSeconds: 3,
        settings: "line:90% align:start",
        text: "Two lines\n<i>of text</i>",
      },
      { id: undefined, startSeconds: 3600, endSeconds: 3601.25, settings: "", text: "Später" },
    ]);
  });

  it("is written so that it reads the same", () => {
    const cues = parseVtt(SAMPLE);
    assert.deepEqual(parseVtt(formatVtt(cues)), cues);
    assert.ok(formatVtt(cues).startsWith("WEBVTT\n\nintro\n00:00:01.500 --> 00:00:03.000 line:90% align:start\n"));
    assert.equal(formatVtt([]), "WEBVTT\n\n");
  });

  it("is put in order of time, and cues that show nothing are left out", () => {
    const text =
      "WEBVTT\n\n00:05.000 --> 00:06.000\nb\n\n00:01.000 --> 00:02.000\na\n\n00:03.000 --> 00:03.000\nnever\n";
    assert.deepEqual(
      parseVtt(text).map((cue) => cue.text),
      ["a", "b"],
    );
  });

  it("is refused when it is something else or a timing is broken", () => {
    for (const text of ["", "1\n00:00:01,000 --> 00:00:02,000\nsrt", "WEBVTT\n\n00:01 --> 00:02\nx", "WEBVTTX\n"]) {
      assert.throws(() => parseVtt(text), refused("MEDIA_TEXT_INVALID"), text);
    }
  });

  it("is moved on the clock, and cut at both ends", () => {
    const cues = parseVtt(
      "WEBVTT\n\n00:00.500 --> 00:01.500\na\n\n00:02.000 --> 00:03.000\nb\n\n00:09.000 --> 00:12.000\nc\n",
    );
    const moved = shiftCues(cues, -1, 9);
    assert.deepEqual(
      moved.map(({ startSeconds, endSeconds, text }) => [startSeconds, endSeconds, text]),
      [
        [0, 0.5, "a"],
        [1, 2, "b"],
        [8, 9, "c"],
      ],
    );
    assert.deepEqual(shiftCues(cues, 100, 50), []);
  });
});
