/** Who begins when many ask at once. */

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { eventually } from "#pkg/testkit/eventually";
import { Turns } from "./turns.ts";

describe("the turns of networks", () => {
  const begin = (begun: string[], name: string) => () => {
    begun.push(name);
    return true;
  };

  it("let others begin between one's many, and keep each one's order", async () => {
    const turns = new Turns();
    const begun: string[] = [];
    for (let n = 0; n < 100; n++) turns.take("many", begin(begun, `many ${n}`));
    for (let n = 0; n < 3; n++) turns.take("few", begin(begun, `few ${n}`));
    turns.take("one", begin(begun, "one"));
    assert.deepEqual(begun, ["many 0", "many 1", "few 0", "few 1"]);
    await turn();
    await eventually("all have begun", () => begun.length === 104);
    assert.ok(begun.indexOf("few 2") < 8 && begun.indexOf("one") < 8, begun.join());
    const many = begun.filter((name) => name.startsWith("many"));
    assert.deepEqual(
      many,
      Array.from({ length: 100 }, (_, n) => `many ${n}`),
    );
  });

  it("give a newcomer its turn in the first round, however many wait", async () => {
    const turns = new Turns();
    const begun: string[] = [];
    for (let network = 0; network < 20; network++) {
      for (let n = 0; n < 50; n++) turns.take(`network ${network}`, begin(begun, "flood"));
    }
    turns.take("viewer", begin(begun, "viewer"));
    await eventually("it has begun", () => begun.includes("viewer"));
    assert.ok(begun.indexOf("viewer") <= 4 + 20, `after ${begun.indexOf("viewer")} others`);
  });

  it("pass over what has become void while it waited", async () => {
    const turns = new Turns();
    const begun: string[] = [];
    for (let n = 0; n < 25; n++) turns.take("rude", () => false);
    for (let n = 0; n < 2; n++) turns.take("rude", begin(begun, "late"));
    await turn();
    await turn();
    assert.deepEqual(begun, ["late", "late"]);
  });
});
