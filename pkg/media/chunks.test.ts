import assert from "node:assert/strict";
import { planChunks, plannedKeyframes } from "./chunks.ts";
import { describedMedia } from "./fixtures.ts";
import { rational } from "./rational.ts";

describe("the chunk plan", () => {
  it("starts chunks at the source's keyframes and covers every frame once", () => {
    const plan = planChunks(describedMedia(), { targetSeconds: 10 });
    assert.deepEqual(
      plan.chunks.map(({ firstFrame, frameCount }) => [firstFrame, frameCount]),
      [
        [0, 240],
        [240, 240],
        [480, 240],
        [720, 240],
        [960, 240],
        [1200, 240],
      ],
    );
    assert.equal(plan.gopFrames, 48);
    assert.equal(plan.timing, "counted");
  });

  it("seeks to just before a keyframe's own time, counted from the file's start", () => {
    const keyframes = [0, 240].map((frame) => ({ frame, seconds: 1.5 + (frame * 1001) / 24000 }));
    const info = { ...describedMedia({ startSeconds: 1.5, frameCount: 480, keyframes }), startSeconds: 1.4 };
    const [first, second] = planChunks(info).chunks;
    assert.equal(first?.seekSeconds, 0);
    assert.ok(Math.abs((second?.seekSeconds ?? 0) - 10.11) < 1e-5);
    assert.ok((second?.seekSeconds ?? 0) < 10.11);
  });

  it("cuts between keyframes, half a frame early, where the source has none", () => {
    const plan = planChunks(describedMedia({ keyframes: [{ frame: 0, seconds: 0 }] }), { targetSeconds: 10 });
    assert.equal(plan.chunks.length, 6);
    assert.ok(plan.chunks.every((chunk) => chunk.firstFrame % plan.gopFrames === 0));
    assert.ok(Math.abs((plan.chunks[1]?.seekSeconds ?? 0) - (239.5 * 1001) / 24000) < 1e-5);
  });

  it("makes no tiny segment where a chunk is no multiple of the GOP", () => {
    const keyframes = [0, 251, 503, 760, 1000, 1249].map((frame) => ({ frame, seconds: (frame * 1001) / 24000 }));
    const plan = planChunks(describedMedia({ keyframes }), { targetSeconds: 10 });
    const starts = [...plannedKeyframes(plan), plan.frameCount];
    const lengths = starts.slice(1).map((start, i) => start - (starts[i] ?? 0));
    assert.ok(Math.min(...lengths.slice(0, -1)) >= 36 && Math.max(...lengths) <= 72, lengths.join(" "));
    for (const chunk of plan.chunks) assert.ok(starts.includes(chunk.firstFrame));
  });

  it("cuts a short film finer than a long one", () => {
    const everySecond = (seconds: number) =>
      describedMedia({
        frameRate: rational(25),
        frameCount: seconds * 25,
        durationSeconds: seconds,
        keyframes: Array.from({ length: seconds }, (_, i) => ({ frame: i * 25, seconds: i })),
      });
    assert.equal(planChunks(everySecond(60)).chunks.length, 15);
    assert.equal(planChunks(everySecond(600)).chunks.length, 60);
  });

  it("leaves a short film whole, and no short rest at the end", () => {
    assert.equal(planChunks(describedMedia({ frameCount: 300 }), { targetSeconds: 10 }).chunks.length, 1);
    const chunks = planChunks(describedMedia({ frameCount: 1290 }), { targetSeconds: 10 }).chunks;
    assert.equal(chunks.at(-1)?.frameCount, 330);
    assert.equal(
      chunks.reduce((sum, chunk) => sum + chunk.frameCount, 0),
      1290,
    );
  });

  it("takes frames by their time where the source has no constant rate", () => {
    const plan = planChunks(describedMedia({ isConstantFrameRate: false, frameRate: rational(30), frameCount: 1800 }));
    assert.equal(plan.timing, "timed");
    assert.equal(plan.chunks[1]?.seekSeconds, (plan.chunks[1]?.firstFrame ?? 0) / 30);
  });
});
