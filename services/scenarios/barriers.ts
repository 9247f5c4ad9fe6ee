/** Looks for what would keep people out of a page: axe's rules, names of controls, the way of the Tab key. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const CONTROLS = "a[href], button, input, select, textarea, [role=button], [role=slider], [role=menuitemradio], video";
const MAX_TABS = 25;

/** Fails with each serious or critical barrier, named with its rule and where it is. */
export async function assertNoBarriers(page: Page, what: string): Promise<void> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(axePath, "utf8"));
  const { violations } = (await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(where: Document): Promise<unknown> } }).axe.run(document),
  )) as AxeResults;
  const found = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
    );
  assert.deepEqual(found, [], `barriers on ${what}`);
  assert.deepEqual(await namelessControls(page), [], `controls without a name on ${what}`);
}

/** Every control that can be seen has a name in the browser's own accessibility tree. */
async function namelessControls(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    const { root } = await session.send("DOM.getDocument", { depth: 0 });
    const { nodeIds } = await session.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector: CONTROLS });
    const nameless: string[] = [];
    for (const nodeId of nodeIds) {
      const { nodes } = await session.send("Accessibility.getPartialAXTree", { nodeId, fetchRelatives: false });
      const node = nodes[0];
      if (node === undefined || node.ignored || node.role?.value === "Video") continue;
      if (String(node.name?.value ?? "").trim() !== "") continue;
      const { outerHTML } = await session.send("DOM.getOuterHTML", { nodeId });
      nameless.push(outerHTML.slice(0, 160));
    }
    return nameless;
  } finally {
    await session.detach();
  }
}

/** Presses Tab until the control with this test id has the focus, and says where it went on the way. */
export async function tabTo(page: Page, testId: string): Promise<readonly string[]> {
  const way: string[] = [];
  for (let presses = 0; presses < MAX_TABS; presses++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement)) return { testId: "", text: "", isShown: false };
      const style = getComputedStyle(element);
      const outlined = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1;
      return {
        testId: element.dataset.testid ?? "",
        text: element.getAttribute("aria-label") ?? element.textContent.trim(),
        isShown: element.matches(":focus-visible") && (outlined || style.boxShadow !== "none"),
      };
    });
    way.push(at.text);
    assert.ok(at.isShown, `the focus cannot be seen on "${at.text}"`);
    if (at.testId === testId) return way;
  }
  throw new Error(`Tab does not come to ${testId}: ${way.join(" > ")}`);
}
