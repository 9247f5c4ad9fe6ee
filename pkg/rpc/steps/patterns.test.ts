import assert from "node:assert/strict";
import { matchesPattern } from "./patterns.ts";

const TITLE = "^titles/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
const ID = "0190f3a2-7b1c-7d3e-8f40-123456789abc";

describe("patterns of contracts", () => {
  it("match resource names as a whole, and nothing else", () => {
    assert.ok(matchesPattern(TITLE, `titles/${ID}`));
    for (const text of [
      ID,
      `titles/${ID}\n`,
      `titles/${ID}0`,
      `x titles/${ID}`,
      `titles/${ID.toUpperCase()}`,
      `titles/${ID.slice(1)}`,
      "",
    ]) {
      assert.ok(!matchesPattern(TITLE, text), JSON.stringify(text));
    }
  });

  it("match with choices and repetitions", () => {
    assert.ok(matchesPattern("^[A-Za-z0-9._-]{8,128}$", "device-0001"));
    assert.ok(!matchesPattern("^[A-Za-z0-9._-]{8,128}$", "device"));
    assert.ok(matchesPattern("^(sd|hd)$", "hd"));
    assert.ok(!matchesPattern("^[a-z]{2}(-[A-Z]{2})?$", "en-USA"));
  });

  it("take no longer for a text that was made to be slow", () => {
    // JavaScript's own engine would still be at it when the sun goes out.
    assert.ok(!matchesPattern("^(a+)+$", `${"a".repeat(10_000)}!`));
    assert.ok(!matchesPattern("^(a|a)*$", `${"a".repeat(10_000)}!`));
  });

  it("refuse what is no pattern", () => {
    assert.throws(() => matchesPattern("^(a$", "a"));
  });
});
