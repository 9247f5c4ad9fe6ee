import assert from "node:assert/strict";
import {
  ago,
  byteSize,
  clock,
  counted,
  genreHref,
  languageName,
  minutesLeft,
  runtime,
  spokenClock,
  titleHref,
} from "./words.ts";

describe("words for people", () => {
  it("tell a position as a clock, and speak it for those who listen", () => {
    const cases = [
      [0, "0:00", "0 seconds"],
      [61.9, "1:01", "1 minute 1 second"],
      [3_599.99, "59:59", "59 minutes 59 seconds"],
      [3_723, "1:02:03", "1 hour 2 minutes 3 seconds"],
      [7_200, "2:00:00", "2 hours"],
      [-4, "0:00", "0 seconds"],
    ] as const;
    for (const [seconds, shown, spoken] of cases) {
      assert.equal(clock(seconds), shown);
      assert.equal(spokenClock(seconds), spoken);
    }
  });

  it("round a length to what one plans an evening by", () => {
    assert.deepEqual([45, 59.6, 60, 89, 3_599, 3_600, 6_120].map(runtime), [
      "45 s",
      "60 s",
      "1 min",
      "1 min",
      "1 h 00 min",
      "1 h 00 min",
      "1 h 42 min",
    ]);
    assert.equal(minutesLeft(0.2), "1 s left");
  });

  it("give sizes in the units of disks", () => {
    const sizes = [0, 999, 1_000, 99_949, 123_456, 7_600_000_000, 5e15].map(byteSize);
    assert.deepEqual(sizes, ["0 B", "999 B", "1.0 kB", "99.9 kB", "123 kB", "7.6 GB", "5000 TB"]);
  });

  it("count", () => {
    assert.deepEqual(
      [counted(1, "film"), counted(0, "film"), counted(1_200, "film"), counted(2, "entry", "entries")],
      ["1 film", "0 films", "1,200 films", "2 entries"],
    );
  });

  it("tell how long ago something was, and the day of what is older", () => {
    const nowMs = Date.UTC(2026, 10, 27, 12);
    const was = (minutes: number) => ago(new Date(nowMs - minutes * 60_000), nowMs);
    assert.deepEqual([-1, 0.9, 1, 59, 60, 1_439].map(was), [
      "just now",
      "just now",
      "1 min ago",
      "59 min ago",
      "1 h ago",
      "23 h ago",
    ]);
    assert.match(was(60 * 24 * 6), /^Nov 21$/);
    assert.equal(ago(undefined, nowMs), "");
  });

  it("call a language by its own name, and a tag that nobody knows by itself", () => {
    assert.deepEqual(["de", "en", "", "und", "not a tag"].map(languageName), [
      "Deutsch",
      "English",
      "Unknown language",
      "Unknown language",
      "not a tag",
    ]);
  });

  it("make addresses of names", () => {
    assert.equal(titleHref({ name: "titles/0198" }), "/title/0198");
    assert.equal(genreHref("science fiction/noir"), "/genre/science%20fiction%2Fnoir");
  });
});
