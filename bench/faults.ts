/**
 * Promise: whatever is killed, stopped, filled up or restarted at whatever moment, a film that was handed in is in the
 * catalogue, whole and once, and nothing is left over. Each round imports a film and picks one fault and its moment by a
 * seed; `--seed` and `--rounds 1` repeat one. Exits 1 where anything was found.
 * `node bench/faults.ts [--rounds N] [--seed S] [--topology one-process|process-per-module|both]`
 */

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { TOPOLOGIES } from "../services/scenarios/cluster.ts";
import { type Round, runRounds } from "../services/scenarios/faults.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    seed: { type: "string", default: String(randomInt(1_000_000)) },
    topology: { type: "string", default: "both" },
  },
});
const count = Number(values.rounds);
const first = Number(values.seed);
const topologies = TOPOLOGIES.filter((topology) => values.topology === "both" || values.topology === topology);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first) || topologies.length === 0) {
  process.stderr.write("usage: faults.ts [--rounds N] [--seed S] [--topology one-process|process-per-module|both]\n");
  process.exit(2);
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
say(`${count} rounds from seed ${first}`);
const rounds: Round[] = [];
for (const [index, topology] of topologies.entries()) {
  const seeds = Array.from({ length: count }, (_, at) => first + at).filter(
    (_, at) => at % topologies.length === index,
  );
  if (seeds.length > 0) rounds.push(...(await runRounds({ seeds, topology, say })));
}

say("\nfault                                      rounds  found");
const kindOf = ({ fault }: Round) => fault.replace(/ \(.*/, fault.includes(", then ") ? ", and another" : "");
for (const kind of [...new Set(rounds.map(kindOf))].toSorted()) {
  const of = rounds.filter((round) => kindOf(round) === kind);
  const found = of.filter(({ finding }) => finding !== undefined).length;
  say(`${kind.padEnd(42)} ${String(of.length).padStart(6)} ${String(found).padStart(6)}`);
}
const findings = rounds.filter(({ finding }) => finding !== undefined);
say(`\n${rounds.length} checks, ${findings.length} findings`);
for (const { seed, topology, finding } of findings) {
  say(`  ${finding}\n    node bench/faults.ts --rounds 1 --seed ${seed} --topology ${topology}`);
}
process.exitCode = findings.length > 0 ? 1 : 0;
