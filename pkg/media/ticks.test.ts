import assert from "node:assert/strict";
import { longestTurnMs } from "#pkg/testkit/turns";
import { timeFrames } from "./frame-timing.ts";
import { rational } from "./rational.ts";
import { BREATH, breathe, Ticks } from "./ticks.ts";

/** A day at 30 frames a second. */
const FRAMES = 24 * 3600 * 30;
const MAX_TURN_MS = 100;

describe("the times of very many packets", function () {
  this.timeout(60_000);

  for (const [order, place] of [
    ["in order", (i: number) => i],
    ["backwards", (i: number) => FRAMES - 1 - i],
    ["in no order", (i: number) => (i * 7919) % FRAMES],
  ] as const) {
    it(`that come ${order} are sorted and timed while nobody waits`, async () => {
      const [ticks, keyTicks] = [new Ticks(), new Ticks()];
      for (let i = 0; i < FRAMES; i++) {
        ticks.push(place(i) * 16);
        keyTicks.push(place(i) * 16);
        if (i % BREATH === 0) await breathe();
      }
      const work = async () => {
        const packets = { ticks: await ticks.sorted(), keyTicks: await keyTicks.sorted(), endTicks: undefined };
        assert.ok(packets.ticks.every((tick, i) => i % 4096 !== 0 || tick === i * 16));
        const stream = { declared: [rational(30)], timeBase: rational(1, 480), isInterlaced: false };
        const timing = await timeFrames(packets, stream);
        assert.equal(timing.frameCount, FRAMES);
        assert.equal(timing.keyframes.length, 24 * 3600);
      };
      // What hundreds of tests left in this process is collected in the middle of it now and then: the best run counts.
      let turnMs = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < 3 && turnMs >= MAX_TURN_MS; tries++) {
        turnMs = Math.min(turnMs, await longestTurnMs(work));
      }
      assert.ok(turnMs < MAX_TURN_MS, `the event loop was held up for ${turnMs} ms`);
    });
  }
});
