/**
 * Runs all tests in two lanes, each a mocha of its own: one drives whole platforms and mostly waits for them, the other
 * works in its own process. `node scripts/test/run.ts`; exits 1 where a lane failed. What the second lane prints comes
 * after the first, then what failed in either.
 */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MOCHA = join(ROOT, "node_modules/mocha/bin/mocha.js");
const REPORTER = join(ROOT, "scripts/test/reporter.cjs");
const CACHE = join(ROOT, ".cache");

/** Arguments of mocha. */
const LANES: readonly (readonly string[])[] = [
  ["services/scenarios/*.test.ts"],
  [
    ...["pkg/**/*.test.ts", "services/**/*.test.ts", "clients/{sdk,cli,web}/**/*.test.ts", "films/**/*.test.ts"],
    ...["--ignore", "services/scenarios/*.test.ts"],
  ],
];

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly { readonly title: string; readonly error: string }[];
}

interface Lane {
  readonly outcome: Outcome;
  readonly status: number;
  readonly output: string;
}

/** Runs a lane to its end; prints what it says as it comes where it is shown. */
function runLane(globs: readonly string[], number: number, isShown: boolean): Promise<Lane> {
  const counts = join(CACHE, `test-lane-${number}.json`);
  rmSync(counts, { force: true });
  const child = spawn(process.execPath, [MOCHA, ...globs, "--reporter", REPORTER], {
    cwd: ROOT,
    env: { ...process.env, TEST_COUNTS: counts },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.on("data", (chunk: Buffer) => (isShown ? to.write(chunk) : output.push(chunk)));
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      child.kill(signal);
      process.exitCode = 1;
    });
  }
  return new Promise((resolve) => {
    const end = (status: number) =>
      resolve({ outcome: outcomeIn(counts), status, output: Buffer.concat(output).toString() });
    child.once("error", (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      end(1);
    });
    child.once("close", (status) => end(status ?? 1));
  });
}

function outcomeIn(path: string): Outcome {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    const error = "it ended before its tests did";
    return { passed: 0, failed: 1, skipped: 0, failures: [{ title: "a lane of the tests", error }] };
  }
}

mkdirSync(CACHE, { recursive: true });
const lanes = await Promise.all(LANES.map((globs, index) => runLane(globs, index, index === 0)));
for (const { output } of lanes) process.stdout.write(output);
const sum = (of: (outcome: Outcome) => number) => lanes.reduce((total, { outcome }) => total + of(outcome), 0);
const counts = {
  passed: sum(({ passed }) => passed),
  failed: sum(({ failed }) => failed),
  skipped: sum(({ skipped }) => skipped),
};
writeFileSync(join(CACHE, "test-counts.json"), JSON.stringify(counts));
for (const { title, error } of lanes.flatMap(({ outcome }) => outcome.failures)) {
  process.stdout.write(`\nFAILED ${title}\n${error.replace(/^/gm, "  ")}\n`);
}
if (lanes.some(({ status }) => status !== 0)) process.exitCode = 1;
