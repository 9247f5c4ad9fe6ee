/** How long a network's misconduct is remembered. */

import assert from "node:assert/strict";
import { eventually } from "#pkg/testkit/eventually";
import { Conduct } from "./conduct.ts";

describe("the conduct of networks", () => {
  it("is each network's own, and is forgiven with time", async () => {
    const conduct = new Conduct({ perSecond: 100, burst: 100 });
    conduct.blame("192.0.2.1", 99);
    conduct.blame("192.0.2.2", 50);
    assert.equal(conduct.isSpent("192.0.2.1"), false);
    conduct.blame("192.0.2.1", 40);
    assert.deepEqual(
      ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((one) => conduct.isSpent(one)),
      [true, false, false],
    );
    await eventually("it is forgiven", () => !conduct.isSpent("192.0.2.1"));
  });

  it("is owed for no longer than half a share takes to fill, whatever was done", async () => {
    const conduct = new Conduct({ perSecond: 100, burst: 20 });
    for (let count = 0; count < 1_000; count++) conduct.blame("192.0.2.1", 50);
    await eventually("it is forgiven", () => !conduct.isSpent("192.0.2.1"));
  });
});
