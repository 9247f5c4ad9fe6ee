/** The choice of a content coding. */

import assert from "node:assert/strict";
import { encodingFor } from "./encoding.ts";

describe("the content coding", () => {
  for (const [header, expected] of [
    [undefined, undefined],
    ["", undefined],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["br;q=0, gzip;q=0", undefined],
    ["*", "br"],
    ["*;q=0.1, br;q=0", "gzip"],
    ["BR;Q=1", "br"],
    ["identity", undefined],
    ["br;q=nonsense", undefined],
  ] as const) {
    it(`for ${JSON.stringify(header)} is ${expected ?? "none"}`, () => {
      assert.equal(encodingFor(header, ["br", "gzip"]), expected);
      assert.equal(encodingFor(header, []), undefined);
    });
  }
});
