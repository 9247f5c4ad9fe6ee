/** Prints the outcome of a test run as one line, from the counts that the reporter left: `node counts.ts COUNTS_FILE EXIT_STATUS`. */

import { readFileSync } from "node:fs";

const [path = "", status = "1"] = process.argv.slice(2);
const { passed, failed, skipped } = readCounts(path);
// A step before the tests, or the run itself, failed where no test did.
const failures = status === "0" ? failed : Math.max(1, failed);
process.stdout.write(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);

function readCounts(file: string): { readonly passed: number; readonly failed: number; readonly skipped: number } {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
