/**
 * Promise: whatever strangers do to the listener, somebody who watches notices little: the 99th percentile of their calls
 * is at most three times what it is in the quiet of the same run, and none fails. The platform, the attackers and the
 * victim are three processes; the victim loads the home page and pieces of a film, half of them over new connections.
 * Prints both figures and their ratio for each attack; exits 1 where one is over the limit. `node bench/attacks.ts [NAME]`
 * runs those whose name holds the text.
 */

import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openFileSource } from "@matinee/sdk/file-node";
import { importFilm } from "@matinee/sdk/import-film";
import { newPlatform } from "@matinee/sdk/platform";
import { memorySessionStore, Session } from "@matinee/sdk/session";
import { KeySystem, ManifestFormat } from "../clients/sdk/gen/matinee/common/v1/media_pb.ts";
import { Device_Kind } from "../clients/sdk/gen/matinee/playback/v1/play_session_pb.ts";
import { PlaybackService } from "../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { film } from "../services/scenarios/films.ts";
import { representationsOf } from "../services/scenarios/media.ts";
import { ATTACKS, HOME } from "./attacks/attackers.ts";
import { startPlatform } from "./shared/platform.ts";

const RATIO_LIMIT = 3;
const QUIET_MS = 3_000;
const ATTACKED_MS = 10_000;
/** Until an attack stands and its first blow is over, and until its remains are cleared away. */
const SETTLE_MS = 2_000;
const CALLS_PER_SECOND = 60;
const RANGE_BYTES = 256 * 1024;
const CALL_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 10_000;
const LOGIN = { email: "studio@matinee.test", password: "bench-bench-bench" };

/** One call of the victim, to be made over a connection that is kept or over a new one. */
interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Samples {
  readonly tookMs: number[];
  readonly failures: string[];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const kept = new Agent({ keepAlive: true });

/** Resolves with the milliseconds until the last byte. */
function make(port: number, call: Call, isNew: boolean): Promise<number> {
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        port,
        host: "127.0.0.1",
        method: call.method,
        path: call.path,
        headers: call.headers,
        agent: isNew ? false : kept,
      },
      (response) => {
        response.on("error", reject);
        response.on("data", () => {});
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          if (status === 200 || status === 206) resolve(performance.now() - beganAt);
          else reject(new Error(`answered ${status}`));
        });
      },
    );
    outgoing.setTimeout(CALL_TIMEOUT_MS, () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", (error) => {
      // A kept connection that is closed while it is used again is made anew by every client.
      if (!isNew && outgoing.reusedSocket)
        resolve(make(port, call, true).then((ms) => ms + performance.now() - beganAt));
      else reject(error);
    });
    outgoing.end(call.body);
  });
}

/** Calls at a steady pace whatever the answers do, as people come. */
async function watch(port: number, calls: readonly Call[], forMs: number): Promise<Samples> {
  const samples: Samples = { tookMs: [], failures: [] };
  const pending: Promise<void>[] = [];
  const count = Math.round((forMs / 1000) * CALLS_PER_SECOND);
  const beganAt = performance.now();
  for (let n = 0; n < count; n++) {
    const call = calls[n % calls.length];
    if (call === undefined) throw new Error("no calls");
    await delay(Math.max(0, beganAt + (n * 1000) / CALLS_PER_SECOND - performance.now()));
    pending.push(
      make(port, call, Math.floor(n / calls.length) % 2 === 0).then(
        (ms) => void samples.tookMs.push(ms),
        (error: unknown) => void samples.failures.push(error instanceof Error ? error.message : String(error)),
      ),
    );
  }
  await Promise.all(pending);
  return samples;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A film of some seconds, and what somebody asks for who watches it; the play lives until the signal is aborted. */
async function prepare(origin: string, signal: AbortSignal): Promise<readonly Call[]> {
  const session = new Session({ origin, store: memorySessionStore() });
  await session.signIn(LOGIN.email, LOGIN.password);
  const platform = newPlatform({ origin, tokens: session });
  const path = await film({ seconds: 6, width: 640, height: 360, frameRate: "25" });
  const { title } = await importFilm(platform, {
    source: await openFileSource(path),
    title: { availabilityWindows: [{}], displayTitle: "A film under attack", synopsis: "It goes on." },
    publish: true,
    onEvent: () => {},
  });
  const play = await platform.client(PlaybackService).startPlayback({
    title: title?.name ?? "",
    requestId: randomUUID(),
    device: {
      ...{ id: randomUUID(), kind: Device_Kind.WEB, displayName: "A bench" },
      ...{ keySystems: [KeySystem.CLEARKEY], formats: [ManifestFormat.DASH] },
    },
  });
  const playback = platform.client(PlaybackService);
  let { playToken } = play;
  const heart = setInterval(() => {
    const beat = { playSession: play.playSession?.name ?? "", position: { seconds: 1n, nanos: 0 } };
    playback.heartbeat(beat, { headers: { authorization: `Bearer ${playToken}` } }).then(
      (answer) => {
        playToken = answer.playToken || playToken;
      },
      (error: unknown) => say(`a heartbeat failed: ${error instanceof Error ? error.message : error}`),
    );
  }, HEARTBEAT_MS);
  signal.addEventListener("abort", () => clearInterval(heart), { once: true });
  const manifest = platform.url(play.manifests[0]?.uri ?? "");
  const [media] = representationsOf(await (await fetch(manifest)).text(), manifest);
  if (media === undefined) throw new Error("the film has no rendition");
  const authorization = `Bearer ${await session.accessToken()}`;
  const headers = { authorization, "content-type": "application/json" };
  return [
    { method: "POST", path: HOME, headers, body: "{}" },
    { method: "GET", path: new URL(media.url).pathname, headers: { range: `bytes=0-${RANGE_BYTES - 1}` }, body: "" },
  ];
}

/** What the victim meets while the attackers are at work, and what they got. */
async function underAttack(
  port: number,
  name: string,
  calls: readonly Call[],
): Promise<Samples & { readonly got: string }> {
  const child = fork(fileURLToPath(new URL("./attacks/attackers.ts", import.meta.url)), [name, String(port)]);
  // Their machines are not ours: what they need to attack must not be missing here.
  setPriority(child.pid ?? 0, constants.priority.PRIORITY_LOW);
  const got = new Map<string, number>();
  child.on("message", (seen: Record<string, number>) => {
    for (const [what, count] of Object.entries(seen)) {
      got.set(what, what === "held" ? Math.max(got.get(what) ?? 0, count) : (got.get(what) ?? 0) + count);
    }
  });
  try {
    await delay(SETTLE_MS);
    const samples = await watch(port, calls, ATTACKED_MS);
    if (child.exitCode !== null) throw new Error(`the attackers of "${name}" ended with ${child.exitCode}`);
    return { ...samples, got: [...got].map(([what, count]) => `${what} ${count}`).join(", ") };
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

const chosen = Object.keys(ATTACKS).filter((name) => name.includes(process.argv[2] ?? ""));
const data = await mkdtemp(join(tmpdir(), "matinee-bench-attacks-"));
// As root the database runs as another user, who must be able to reach its folder.
await chmod(data, 0o755);
const platform = await startPlatform(data, {
  PROFILE_OPERATOR_EMAIL: LOGIN.email,
  PROFILE_OPERATOR_PASSWORD: LOGIN.password,
});
const over = new AbortController();
try {
  const calls = await prepare(platform.origin, over.signal);
  await watch(platform.port, calls, QUIET_MS);
  const quiet: number[] = [];
  const results: (Samples & { readonly name: string; readonly got: string })[] = [];
  for (const name of chosen) {
    quiet.push(...(await watch(platform.port, calls, QUIET_MS)).tookMs);
    const result = { name, ...(await underAttack(platform.port, name, calls)) };
    results.push(result);
    say(`${name}: p99 ${percentile(result.tookMs, 0.99).toFixed(1)} ms; attackers: ${result.got}`);
    if (platform.process.exitCode !== null) throw new Error(`"${name}" ended the platform`);
    await delay(SETTLE_MS);
  }
  const quietMs = percentile(quiet, 0.99);
  say(`quiet: p50 ${percentile(quiet, 0.5).toFixed(1)} ms, p99 ${quietMs.toFixed(1)} ms of ${quiet.length} calls`);
  let isWithin = true;
  for (const { name, tookMs, failures } of results) {
    const p99 = percentile(tookMs, 0.99);
    const ratio = p99 / quietMs;
    isWithin &&= ratio <= RATIO_LIMIT && failures.length === 0;
    const figures = `p50 ${percentile(tookMs, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ratio ${ratio.toFixed(2)}`;
    const failed = failures.length === 0 ? "" : `, ${failures.length} FAILED (${[...new Set(failures)].join("; ")})`;
    say(`${ratio <= RATIO_LIMIT && failures.length === 0 ? "ok  " : "OVER"} ${name}: ${figures}${failed}`);
  }
  say(`limit: ${RATIO_LIMIT} x the quiet p99`);
  process.exitCode = isWithin ? 0 : 1;
} finally {
  over.abort();
  kept.destroy();
  await platform.stop();
  await rm(data, { recursive: true, force: true });
}
