/** What probes cost: one look for all who ask, and no old news. */

import assert from "node:assert/strict";
import { defineModule, type Module } from "#pkg/app/module";
import { eventually } from "#pkg/testkit/eventually";
import { openModules } from "#pkg/testkit/module";

describe("readiness", () => {
  let looks = 0;
  let trouble: string | undefined;

  const weak: Module = defineModule({
    ...{ name: "weak", summary: "fixture", owns: [], config: {}, serves: [], routes: [], calls: [], needs: [] },
    ...{ emits: [], consumes: [] },
    open: async () => ({
      async ready() {
        looks += 1;
        if (trouble !== undefined) throw new Error(trouble);
      },
    }),
  });

  it("is looked at once for all who ask at the same time, and told anew when it changes", async () => {
    await using platform = await openModules([weak]);
    const ask = async () => {
      const response = await fetch(`${platform.url}/readyz`);
      return [response.status, (await response.text()).trim()] as const;
    };
    looks = 0;
    const answers = await Promise.all(Array.from({ length: 80 }, ask));
    assert.deepEqual(new Set(answers.map(([status]) => status)), new Set([200]));
    assert.ok(looks < 20, `${looks} looks for 80 who asked`);
    trouble = "the shelf is full";
    await eventually("it says so", async () => {
      const [status, text] = await ask();
      return status === 503 && text === "the shelf is full";
    });
    trouble = undefined;
    await eventually("it is over", async () => (await ask())[0] === 200);
  });
});
