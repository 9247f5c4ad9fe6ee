/** A few rounds of faults; FAULTS_SEED repeats them. `bench/faults.ts` runs many. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { runRounds } from "./faults.ts";

const ROUNDS = 5;

describe("a film that something befalls on its way", function () {
  this.timeout(600_000);
  this.slow(120_000);

  it("is in the catalogue, whole and once, and nothing is left over", async () => {
    const first = Number(process.env.FAULTS_SEED ?? randomInt(1_000_000));
    const seeds = Array.from({ length: ROUNDS }, (_, at) => first + at);
    const say = (line: string) => void process.stdout.write(`      ${line}\n`);
    const rounds = await runRounds({ seeds, topology: "one-process", say });
    assert.deepEqual(
      rounds.filter(({ finding }) => finding !== undefined),
      [],
    );
    assert.ok(rounds.length > ROUNDS);
  });
});
