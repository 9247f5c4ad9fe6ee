/**
 * Mocha's spec report, the files that took longest, and the outcome as JSON in the file that TEST_COUNTS names, for
 * whoever must tell it in one line.
 */

const { mkdirSync, writeFileSync } = require("node:fs");
const { dirname, relative } = require("node:path");
const { reporters } = require("mocha");

const SLOWEST = 15;

class CountingSpec extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const tookMs = new Map();
    let startedAt = performance.now();
    runner.on("suite", (suite) => {
      if (suite.parent?.root) startedAt = performance.now();
    });
    runner.on("suite end", (suite) => {
      if (!suite.parent?.root) return;
      const file = relative(process.cwd(), suite.file ?? "?");
      tookMs.set(file, (tookMs.get(file) ?? 0) + performance.now() - startedAt);
    });
    runner.once("end", () => {
      const slowest = [...tookMs].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
      process.stdout.write("  Slowest files, in seconds:\n");
      for (const [file, ms] of slowest) process.stdout.write(`  ${(ms / 1000).toFixed(1).padStart(7)}  ${file}\n`);
      const { passes, failures: failed, pending: skipped } = this.stats;
      const failures = this.failures.map((test) => ({ title: test.fullTitle(), error: test.err?.stack ?? "" }));
      const path = process.env.TEST_COUNTS ?? ".cache/test-counts.json";
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify({ passed: passes, failed, skipped, failures }));
    });
  }
}

module.exports = CountingSpec;
