/** Matches the patterns of contracts: the engine's own way where it cannot be slow, else in the linear way of RE2. */

import { RE2JS } from "@bufbuild/re2";

interface Matcher {
  test(text: string): boolean;
}

const matchers = new Map<string, Matcher>();

/** Every pattern comes from a contract, so there are only so many. Throws what RE2 says of one that it does not take. */
export function matchesPattern(pattern: string, text: string): boolean {
  let matcher = matchers.get(pattern);
  if (matcher === undefined) {
    const linear = RE2JS.compile(pattern);
    matcher = isFixed(pattern) ? new RegExp(pattern, "u") : linear;
    matchers.set(pattern, matcher);
  }
  return matcher.test(text);
}

/** Anchored, and every part of one length and without a choice: there is nothing to try again, as in resource names. */
function isFixed(pattern: string): boolean {
  const withoutClasses = pattern.replace(/\[(?!\^)[A-Za-z0-9._-]+\]/g, "x");
  return /^\^[A-Za-z0-9/@_-]*(?:[A-Za-z0-9/@_-]|\{\d+\}|\((?!\?)|\))*\$$/.test(withoutClasses);
}
