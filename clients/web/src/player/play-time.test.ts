import assert from "node:assert/strict";
import { PlayTime } from "./play-time.ts";

describe("the time of a play", () => {
  it("counts the start-up from the request to the first picture, once, and waiting before it as no stall", () => {
    const time = new PlayTime(1_000);
    time.waiting(1_100);
    assert.deepEqual(time.playing(1_400), { startupMs: 400 });
    assert.deepEqual(time.playing(1_500), {});
    assert.deepEqual(time.totals(2_400), { playingMs: 1_000, stalledMs: 0 });
  });

  it("counts a stall until pictures move again, and shows one that goes on", () => {
    const time = new PlayTime(0);
    time.playing(0);
    time.waiting(5_000);
    time.waiting(5_500);
    assert.deepEqual(time.totals(6_000), { playingMs: 5_000, stalledMs: 1_000 });
    assert.deepEqual(time.playing(7_000), { stallMs: 2_000 });
    assert.deepEqual(time.totals(8_000), { playingMs: 6_000, stalledMs: 2_000 });
  });

  it("keeps the time of a stall that the viewer seeks or leaves out of", () => {
    const time = new PlayTime(0);
    time.playing(0);
    time.waiting(1_000);
    assert.equal(time.halted(4_000), 3_000);
    assert.equal(time.halted(4_500), undefined);
    assert.deepEqual(time.totals(9_000), { playingMs: 1_000, stalledMs: 3_000 });
  });

  it("counts neither a pause nor a seek, nor what is fetched after one", () => {
    const time = new PlayTime(0);
    time.playing(0);
    time.halted(2_000);
    time.waiting(2_100);
    assert.deepEqual(time.playing(10_000), {});
    time.halted(11_000);
    assert.deepEqual(time.totals(60_000), { playingMs: 3_000, stalledMs: 0 });
  });
});
