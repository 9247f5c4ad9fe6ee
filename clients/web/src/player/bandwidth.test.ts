import assert from "node:assert/strict";
import { startingBandwidth } from "./bandwidth.ts";

describe("the bandwidth that a film begins with", () => {
  const script = { bytes: 150_000, ms: 100 };

  it("is what the last play measured", () => {
    assert.equal(startingBandwidth("7500000", [script]), 7.5e6);
  });

  it("is else four fifths of the fastest file that the page has loaded", () => {
    assert.equal(startingBandwidth(undefined, [script, { bytes: 150_000, ms: 400 }]), 9.6e6);
  });

  it("takes small files, files of the cache, and what is kept but no number for nothing", () => {
    for (const kept of [undefined, "", "fast", "-1", "0", "NaN"]) {
      assert.equal(
        startingBandwidth(kept, [
          { bytes: 900, ms: 1 },
          { bytes: 0, ms: 0 },
        ]),
        4e6,
      );
    }
  });

  it("stays within what a line can be", () => {
    assert.equal(startingBandwidth("1e15", []), 100e6);
    assert.equal(startingBandwidth(undefined, [{ bytes: 60_000, ms: 60_000 }]), 0.2e6);
  });
});
