import assert from "node:assert/strict";
import { type FilledIndex, rebuildReason, stateOf } from "./filled-index.ts";

const at = new Date(0);

function filled(more: Partial<FilledIndex> = {}): FilledIndex {
  return {
    generation: "g1",
    reason: "made_anew",
    isWanted: false,
    done: 1,
    total: 1,
    startedAt: at,
    endedAt: at,
    ...more,
  };
}

describe("a search index", () => {
  it("is left as it is where it answers with the generation that was filled", () => {
    assert.equal(rebuildReason(filled(), { id: "g1", isOutdated: false }), undefined);
    assert.equal(rebuildReason(filled({ endedAt: undefined }), { id: "g1", isOutdated: false }), undefined);
  });

  it("is rebuilt where it answers with another, is outdated, or somebody asks", () => {
    assert.equal(rebuildReason(undefined, { id: "g1", isOutdated: false }), "made_anew");
    assert.equal(rebuildReason(filled(), { id: "g2", isOutdated: true }), "made_anew");
    assert.equal(rebuildReason(filled(), { id: "g1", isOutdated: true }), "outdated");
    assert.equal(rebuildReason(filled({ isWanted: true }), { id: "g1", isOutdated: false }), "asked");
    const wantedFirst = filled({ generation: "", isWanted: true, startedAt: undefined, endedAt: undefined });
    assert.equal(rebuildReason(wantedFirst, { id: "g1", isOutdated: false }), "asked");
  });

  it("is rebuilt for the same reason where a rebuild did not come to its end", () => {
    const stopped = filled({ generation: "g2", reason: "asked", endedAt: undefined });
    assert.equal(rebuildReason(stopped, { id: "g1", isOutdated: false }), "asked");
  });

  it("says whether it is ready", () => {
    const states = [undefined, filled({ isWanted: true }), filled({ endedAt: undefined }), filled()].map(stateOf);
    assert.deepEqual(states, ["waiting", "waiting", "rebuilding", "ready"]);
  });
});
