import assert from "node:assert/strict";
import { ceilingOf, highestWithin, lowest } from "./ceiling.ts";
import { isFinished, resumePositionMs } from "./progress.ts";
import { parseRange } from "./range.ts";
import { decideSlot, type PlaySession } from "./session.ts";

describe("the ceiling of a session", () => {
  it("is the lowest of plan and device", () => {
    assert.equal(lowest(ceilingOf(1080), ceilingOf(0)), "hd");
    assert.equal(lowest(ceilingOf(2160), ceilingOf(576)), "sd");
    assert.equal(ceilingOf(2160), "uhd");
  });

  it("chooses the highest manifest within it, and none above it", () => {
    assert.equal(highestWithin(["sd", "hd"], "uhd"), "hd");
    assert.equal(highestWithin(["sd", "hd"], "sd"), "sd");
    assert.equal(highestWithin(["hd"], "sd"), undefined);
  });
});

describe("progress in a title", () => {
  it("counts as finished in the credits, not before", () => {
    assert.equal(isFinished(94 * 60_000, 100 * 60_000), false);
    assert.equal(isFinished(95 * 60_000, 100 * 60_000), true);
    assert.equal(isFinished(64_000, 75_000), false);
    assert.equal(isFinished(66_000, 75_000), true);
    assert.equal(isFinished(0, 0), false);
  });

  it("is resumed unless it was finished or barely begun", () => {
    assert.equal(resumePositionMs({ positionMs: 30_000, isFinished: false }), 30_000);
    assert.equal(resumePositionMs({ positionMs: 70_000, isFinished: true }), 0);
    assert.equal(resumePositionMs({ positionMs: 2_000, isFinished: false }), 0);
    assert.equal(resumePositionMs(undefined), 0);
  });
});

describe("a Range header", () => {
  it("names bytes from the start, to the end, or from the end", () => {
    assert.deepEqual(parseRange("bytes=0-99", 1000), { kind: "part", start: 0, end: 99 });
    assert.deepEqual(parseRange("bytes=900-", 1000), { kind: "part", start: 900, end: 999 });
    assert.deepEqual(parseRange("bytes=-100", 1000), { kind: "part", start: 900, end: 999 });
    assert.deepEqual(parseRange("bytes=990-2000", 1000), { kind: "part", start: 990, end: 999 });
  });

  it("past the end cannot be satisfied; one that is not understood means the whole", () => {
    assert.equal(parseRange("bytes=1000-", 1000).kind, "unsatisfiable");
    assert.equal(parseRange("bytes=-0", 1000).kind, "unsatisfiable");
    for (const header of [undefined, "", "bytes=5-3", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b"]) {
      assert.equal(parseRange(header, 1000).kind, "whole");
    }
  });
});

describe("a stream slot", () => {
  const playing = (id: string, deviceId: string) =>
    ({ id, device: { id: deviceId, kind: "web", displayName: deviceId } }) as PlaySession;

  it("is granted while fewer devices play than the plan allows", () => {
    assert.equal(decideSlot([playing("1", "tv")], "phone", 2).kind, "granted");
    assert.equal(decideSlot([playing("1", "tv"), playing("2", "web")], "phone", 2).kind, "refused");
  });

  it("is taken over by the device that holds it", () => {
    const decided = decideSlot([playing("1", "tv"), playing("2", "web")], "web", 2);
    assert.equal(decided.kind, "granted");
    assert.deepEqual(decided.kind === "granted" && decided.takesOver.map(({ id }) => id), ["2"]);
  });
});
