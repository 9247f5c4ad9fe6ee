import assert from "node:assert/strict";
import { MAX_KEYFRAMES, thinKeyframes } from "./media.ts";

describe("keyframes of an asset", () => {
  it("are all kept where they are few", () => {
    assert.deepEqual(thinKeyframes([0, 12, 24]), [0, 12, 24]);
  });

  it("are thinned evenly in the longest films, and the first one stays", () => {
    const frames = Array.from({ length: 3 * MAX_KEYFRAMES }, (_, i) => i * 12);
    const kept = thinKeyframes(frames);
    assert.ok(kept.length <= MAX_KEYFRAMES && kept.length >= MAX_KEYFRAMES / 2);
    assert.deepEqual(kept.slice(0, 3), [0, 48, 96]);
  });
});
