import assert from "node:assert/strict";
import { findBreaches, rebufferRatio, startupFailureRatio } from "./quality.ts";

const allowed = { rebufferRatio: 0.02, minSessions: 3 };
const good = { startedCount: 3, stalledMs: 1, playingMs: 99 };
const bad = { startedCount: 3, stalledMs: 10, playingMs: 90 };

describe("quality", () => {
  it("has no rebuffer ratio before anything was played", () => {
    assert.equal(rebufferRatio({ stalledMs: 0, playingMs: 0 }), 0);
    assert.equal(rebufferRatio({ stalledMs: 10, playingMs: 0 }), 1);
  });

  it("has no startup failure ratio before anything started or failed to", () => {
    assert.equal(startupFailureRatio({ failedCount: 0, startedCount: 0 }), 0);
    assert.equal(startupFailureRatio({ failedCount: 1, startedCount: 0 }), 1);
    assert.equal(startupFailureRatio({ failedCount: 1, startedCount: 3 }), 0.25);
  });

  it("is allowed to be as bad as the limit", () => {
    assert.deepEqual(findBreaches([{ ...good, titleId: "a", stalledMs: 2, playingMs: 98 }], allowed), []);
  });

  it("blames the title that is bad, and not all of them with it", () => {
    const breaches = findBreaches(
      [
        { ...bad, titleId: "a" },
        { ...good, titleId: "b" },
      ],
      allowed,
    );
    assert.deepEqual(breaches, [{ metric: "rebuffer_ratio", titleId: "a", value: 0.1, threshold: 0.02 }]);
  });

  it("blames all together where titles have too few sessions to be judged alone", () => {
    const titles = ["a", "b", "c"].map((titleId) => ({ ...bad, titleId, startedCount: 1 }));
    assert.deepEqual(
      findBreaches(titles, allowed).map((breach) => breach.titleId),
      [undefined],
    );
    assert.deepEqual(findBreaches(titles.slice(1), allowed), []);
  });
});
