import assert from "node:assert/strict";
import { resolutionClassOf } from "./resolution-class.ts";

describe("the class of a picture", () => {
  it("changes one pixel above each limit of SPEKE v2", () => {
    const limits = [589_824, 2_073_600, 8_847_360];
    assert.deepEqual(
      limits.flatMap((pixels) => [resolutionClassOf(pixels), resolutionClassOf(pixels + 1)]),
      ["sd", "hd", "hd", "uhd", "uhd", "uhd2"],
    );
  });
});
