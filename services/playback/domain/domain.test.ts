import assert from "node:assert/strict";
import { ceilingOf, highestWithin, lowest } from "./ceiling.ts";
import { decideSlot, isOverdue, type LivePlay, packPlays, unpackPlays } from "./live.ts";
import { isFinished, resumePositionMs } from "./progress.ts";
import { parseRange } from "./range.ts";

describe("the ceiling of a session", () => {
  it("is the lowest of plan and device", () => {
    assert.equal(lowest(ceilingOf(1080), ceilingOf(0)), "hd");
    assert.equal(lowest(ceilingOf(2160), ceilingOf(576)), "sd");
    assert.equal(ceilingOf(2160), "uhd");
    assert.equal(ceilingOf(4320), "uhd2");
    assert.equal(ceilingOf(0), "uhd2");
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
  const LEASE_MS = 60_000;
  const playing = (id: string, deviceId: string, leaseEndsAt = LEASE_MS): LivePlay => ({
    ...{
      id,
      requestId: `request of ${id}`,
      deviceId,
      deviceName: `the "${deviceId}"`,
      tier: "standard",
      maximumAge: 21,
    },
    ...{ durationMs: 75_000, leaseEndsAt, seenAt: 1, checkedAt: 2, toldAt: 3, positionMs: 4 },
  });
  const decide = (plays: readonly LivePlay[], deviceId: string, nowMs = 0, requestId = "new") =>
    decideSlot(plays, { requestId, deviceId, maxStreams: 2, nowMs });

  it("is granted while fewer devices play than the plan allows", () => {
    assert.equal(decide([playing("1", "tv")], "phone").kind, "granted");
    assert.equal(decide([playing("1", "tv"), playing("2", "web")], "phone").kind, "refused");
  });

  it("is taken over by the device that holds it", () => {
    const old = playing("2", "web");
    assert.deepEqual(decide([playing("1", "tv"), old], "web"), { kind: "granted", replaces: [old], lapsed: [] });
  });

  it("is lost by who kept silent, all of whose plays end with that", () => {
    const silent = [playing("1", "tv", 10), playing("2", "web", 10)];
    assert.deepEqual(decide(silent, "phone", 10), { kind: "granted", replaces: [], lapsed: silent });
    assert.equal(decide(silent, "phone", 9).kind, "refused");
  });

  it("is the same one for the same request, however it stands", () => {
    const first = playing("1", "tv", 10);
    const plays = [first, playing("2", "web")];
    assert.deepEqual(decide(plays, "tv", 20, first.requestId), { kind: "repeated", play: first });
  });

  it("ends by time after two leases", () => {
    assert.equal(isOverdue(playing("1", "tv", LEASE_MS), LEASE_MS, 2 * LEASE_MS - 1), false);
    assert.equal(isOverdue(playing("1", "tv", LEASE_MS), LEASE_MS, 2 * LEASE_MS), true);
  });

  it("comes back from the cache as it was put there", () => {
    const plays = [playing("1", "tv"), playing("2", "web")];
    assert.deepEqual(unpackPlays(packPlays(plays)), plays);
    assert.deepEqual(unpackPlays(packPlays([])), []);
  });
});
