/** Who begins when many ask at once. */

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { eventually } from "#pkg/testkit/eventually";
import { Turns } from "./turns.ts";

describe("the turns of connections", () => {
  it("let others begin between one's many, and keep each one's order", async () => {
    const turns = new Turns<string>(() => false);
    const begun: string[] = [];
    for (let n = 0; n < 100; n++) turns.take("many", () => begun.push(`many ${n}`));
    for (let n = 0; n < 3; n++) turns.take("few", () => begun.push(`few ${n}`));
    turns.take("one", () => begun.push("one"));
    assert.deepEqual(begun, ["many 0", "many 1", "few 0", "few 1", "one"]);
    await turn();
    await eventually("all have begun", () => begun.length === 104);
    assert.ok(begun.indexOf("few 2") < 8, begun.join());
    const many = begun.filter((name) => name.startsWith("many"));
    assert.deepEqual(
      many,
      Array.from({ length: 100 }, (_, n) => `many ${n}`),
    );
  });

  it("begin nothing more of a connection that is closed", async () => {
    let isClosed = false;
    const turns = new Turns<string>(() => isClosed);
    let begun = 0;
    for (let n = 0; n < 50; n++) turns.take("rude", () => (begun += 1));
    isClosed = true;
    await turn();
    await turn();
    assert.equal(begun, 2);
    isClosed = false;
    turns.take("rude", () => (begun += 1));
    assert.equal(begun, 3, "what waited was dropped");
  });
});
