/** Rounds of faults: each imports a film while something befalls the platform, and looks at what became of it. */

import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isTransient, toMatineeError } from "../../clients/sdk/errors.ts";
import { openFileSource } from "../../clients/sdk/file-node.ts";
import { type ImportResult, type ImportState, importFilm } from "../../clients/sdk/import-film.ts";
import { memoryStateStore, type UploadState } from "../../clients/sdk/upload-state.ts";
import { newChance } from "./chance.ts";
import { type Cluster, startCluster, type Topology } from "./cluster.ts";
import { checkFilm, checkStores, type Film } from "./fault-checks.ts";
import { FAULT_KINDS, mountDisk } from "./fault-kinds.ts";
import { film } from "./films.ts";
import { frameCount } from "./media.ts";
import { newViewer, operatorOf, type Person } from "./people.ts";

export interface RoundOptions {
  /** A seed for each round. */
  readonly seeds: readonly number[];
  readonly topology: Topology;
  readonly say: (line: string) => void;
}

export interface Round {
  readonly seed: number;
  readonly topology: Topology;
  readonly fault: string;
  /** Undefined where all is well. */
  readonly finding: string | undefined;
  readonly seconds: number;
}

/** Leases that run out soon and retries that come soon, so that a round is short. */
export const FAULT_SETTINGS = {
  TRANSCODE_PRESET: "ultrafast",
  TRANSCODE_CHUNK_SECONDS: "2",
  TRANSCODE_LEASE: "3s",
  TRANSCODE_SWEEP: "300ms",
  TRANSCODE_RETRY_DELAY: "200ms",
  TRANSCODE_SPACE_DELAY: "500ms",
  INGESTION_INSPECTION_LEASE: "3s",
  PACKAGER_LEASE: "3s",
  PACKAGER_SWEEP_EVERY: "500ms",
  PACKAGER_RETRY_DELAY: "200ms",
  PACKAGER_UNAVAILABLE_DELAY: "500ms",
} as const;

/** One in so many rounds has a second fault after the first. */
const ROUNDS_PER_DOUBLE = 4;
const WARNINGS = 25;
const FILM = { seconds: 4, width: 320, height: 180, frameRate: "25/1" };
const DISK_MB = 600;
/** From a film's first byte to its last stage it takes some seconds; faults come anywhere in them. */
const MOMENTS_MS = 6_000;
/** A film that is not done by then is stuck. */
const STUCK_MS = 240_000;
/** A platform gets new films only so often: its disk is small. */
const ROUNDS_PER_PLATFORM = 20;

/** Runs the rounds on one platform after the other. Never throws for a finding. */
export async function runRounds(options: RoundOptions): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let at = 0; at < options.seeds.length; at += ROUNDS_PER_PLATFORM) {
    rounds.push(...(await onOnePlatform({ ...options, seeds: options.seeds.slice(at, at + ROUNDS_PER_PLATFORM) })));
  }
  return rounds;
}

async function onOnePlatform({ seeds, topology, say }: RoundOptions): Promise<Round[]> {
  const folder = await mkdtemp(join(tmpdir(), "matinee-faults-"));
  const rounds: Round[] = [];
  try {
    using disk = mountDisk(folder, DISK_MB);
    if (disk === undefined) say("no file system of our own could be mounted (that needs root): no disk is filled");
    const data = join(folder, "data");
    await mkdir(data, { mode: 0o711 });
    await using cluster = await startCluster({ topology, settings: FAULT_SETTINGS, data });
    const people = { operator: await operatorOf(cluster), viewer: await newViewer(cluster) };
    const source = await film(FILM);
    const made = {
      path: source,
      frames: await frameCount(source),
      folder: await mkdtemp(join(tmpdir(), "matinee-films-")),
    };
    const assets: string[] = [];
    for (const seed of seeds) {
      const round = await oneRound(cluster, people, made, seed, disk !== undefined, assets);
      rounds.push(round);
      say(lineOf(round));
      if (round.finding !== undefined) say(warnings(cluster));
      // What is stuck would be found again in every round to come.
      if (round.finding !== undefined) break;
    }
    const last = rounds.at(-1);
    if (last?.finding === undefined && last !== undefined) {
      const finding = await checkStores(cluster, assets).then(() => undefined, messageOf);
      if (finding !== undefined) say(warnings(cluster));
      rounds.push({ ...last, fault: "after all rounds", finding, seconds: 0 });
      say(lineOf(rounds.at(-1) ?? last));
    }
    await rm(made.folder, { recursive: true, force: true });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const rest = seeds.slice(rounds.filter(({ fault }) => fault !== "after all rounds").length);
  return rest.length === 0 ? rounds : [...rounds, ...(await onOnePlatform({ seeds: rest, topology, say }))];
}

interface Made {
  readonly path: string;
  readonly frames: number;
  readonly folder: string;
}

async function oneRound(
  cluster: Cluster,
  { operator, viewer }: { readonly operator: Person; readonly viewer: Person },
  made: Made,
  seed: number,
  hasDisk: boolean,
  assets: string[],
): Promise<Round> {
  const beganAt = performance.now();
  const chance = newChance(seed);
  const kinds = FAULT_KINDS.filter(
    ({ topologies, needs }) => topologies.includes(cluster.topology) && (hasDisk || needs === "nothing"),
  );
  const faults = Array.from({ length: chance.below(ROUNDS_PER_DOUBLE) === 0 ? 2 : 1 }, () => {
    const { kind, plan } = chance.pick(kinds);
    const afterMs = chance.below(MOMENTS_MS);
    return { kind, afterMs, ...plan(cluster, chance) };
  });
  const round = {
    seed,
    topology: cluster.topology,
    fault: faults.map(({ kind, what, afterMs }) => `${kind} (${what}) after ${afterMs} ms`).join(", then "),
  };
  const ended = (finding: string | undefined): Round => ({
    ...round,
    finding,
    seconds: (performance.now() - beganAt) / 1000,
  });
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(new Error("stuck")), STUCK_MS);
  try {
    const fileName = `film of round ${seed}.mkv`;
    const path = join(made.folder, fileName);
    await copyFile(made.path, path);
    const displayTitle = `What lived through ${seed}`;
    const importing = importUntilDone(operator, path, displayTitle, giveUp.signal);
    const befalling = (async () => {
      for (const { afterMs, run } of faults) {
        await delay(afterMs);
        await run();
      }
    })();
    const [result] = await Promise.all([importing, befalling]);
    assets.push(result.asset);
    const { asset, title } = result;
    const imported: Film = { fileName, displayTitle, frames: made.frames, asset, title: title?.name ?? "" };
    await checkFilm(cluster, operator, viewer, imported);
    return ended(undefined);
  } catch (error) {
    return ended(
      giveUp.signal.aborted ? `the film is not done after ${STUCK_MS / 1000} s: ${messageOf(error)}` : messageOf(error),
    );
  } finally {
    clearTimeout(timer);
    giveUp.abort();
  }
}

/** As a person does who runs the same command again when the platform was away; any other refusal is a finding. */
async function importUntilDone(
  { platform }: Person,
  path: string,
  displayTitle: string,
  signal: AbortSignal,
): Promise<ImportResult> {
  const uploads = memoryStateStore<UploadState>();
  const imports = memoryStateStore<ImportState>();
  for (;;) {
    try {
      return await importFilm(platform, {
        source: await openFileSource(path),
        title: { displayTitle, synopsis: "It came back.", availabilityWindows: [{}] },
        publish: true,
        uploads,
        imports,
        signal,
      });
    } catch (cause) {
      const error = toMatineeError(cause);
      if (signal.aborted || !isTransient(error)) throw new Error(`${error.reason}: ${error.message}`, { cause });
      await delay(300);
    }
  }
}

function lineOf({ seed, topology, fault, finding, seconds }: Round): string {
  const outcome = finding === undefined ? "ok" : `FOUND ${finding}`;
  return `seed ${seed}  ${topology}  ${fault}  ${seconds.toFixed(1)} s  ${outcome}`;
}

/** What the processes complained of last. */
function warnings(cluster: Cluster): string {
  const records = cluster.logs().filter(({ level }) => level === "warn" || level === "error");
  const lines = records.slice(-WARNINGS).map((record) => `    ${JSON.stringify(record).slice(0, 700)}`);
  return [
    ...lines,
    ...cluster
      .tails(2)
      .split("\n")
      .map((line) => `    ${line.slice(0, 300)}`),
  ].join("\n");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
