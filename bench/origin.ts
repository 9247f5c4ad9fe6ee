/**
 * Promise: ranges of 1 MB of a film that several watch leave our origin at 0.7 or more of the rate at which nginx sends
 * the same ranges of the same file. Ours is the whole way: listener, chain, rate limit, signed media token, playback's
 * route. Both have one process and the same client in a process of its own (wrk), and run in turn; each round's ratio is
 * printed with the CPU that a byte costs, and the middle ratio is held against the limit: on a shared machine one round
 * says little. Exits 1 below the limit. `node bench/origin.ts [SECONDS] [ROUNDS] [MEGABYTES]`, after
 * `scripts/setup.sh bench`.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { Ceiling, ManifestFormat, Protection, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { openHost } from "#pkg/app/host";
import { generateSigningKey, signToken, toPublicJwk } from "#pkg/auth/tokens";
import { VIEWER_ISSUER } from "#pkg/auth/viewer";
import { openBlobStore } from "#pkg/blobstore/open";
import { newId, systemClock } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import { fake } from "#pkg/testkit/module";
import { freePorts } from "#pkg/testkit/ports";
import { testPostgresUrl } from "#pkg/testkit/postgres";
import { playback } from "../services/playback/module.ts";

const LIMIT = 0.7;
const RANGE_BYTES = 1024 * 1024;
const CONNECTIONS = 16;
/** Plays of the one film, each from an address of its own, as behind a proxy. */
const VIEWERS = 64;
/** Clock ticks a second in /proc (sysconf(_SC_CLK_TCK)), the same on every Linux that we know. */
const TICKS = 100;
const FILE = "film/video-1080p.mp4";

const [seconds = 4, rounds = 7, megabytes = 96] = process.argv[2] === "serve" ? [] : process.argv.slice(2).map(Number);

interface Origin extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** The film for each viewer. */
  readonly paths: readonly string[];
}

interface Load {
  readonly bytesPerSecond: number;
  /** CPU seconds of the server for each gigabyte. */
  readonly cpuPerGigabyte: number;
}

/** Ours: playback in a host of its own, with stand-ins for the catalog and the profiles, which start plays. */
async function serve(data: string): Promise<void> {
  const key = await generateSigningKey();
  const packageId = newId();
  const folder = join(data, "blobs", "packaged");
  await mkdir(folder, { recursive: true });
  const options = { name: "packaged", signingSecret: randomBytes(32), clock: systemClock, log: silentLogger };
  const { store } = await openBlobStore(pathToFileURL(folder).href, options);
  await store.putFile(`${packageId}/1/${FILE}`, join(data, "film.bin"));
  const host = await openHost({
    modules: [playback],
    known: [playback],
    env: {
      LISTEN: "127.0.0.1:0",
      INTERNAL_LISTEN: "off",
      WEB_ROOT: "off",
      DATA: data,
      PLAYBACK_SLOT_LEASE: "15m",
      TRUSTED_PROXIES: "127.0.0.1",
    },
    log: silentLogger,
    given: {
      database: { adminUrl: await testPostgresUrl(), roleSecret: randomBytes(32), nameOf: (name) => name },
      services: [
        {
          module: "catalog",
          binding: fake(CatalogService, {
            checkAvailability: async () => ({
              availability: { isAvailable: true },
              title: { displayTitle: "The Night Train" },
              package: {
                name: `packages/${packageId}`,
                asset: `assets/${packageId}`,
                revision: 1,
                protection: Protection.CLEAR,
                manifests: [{ format: ManifestFormat.DASH, ceiling: Ceiling.HD, path: "film/hd.mpd" }],
                duration: durationFromMs(3_600_000),
                tracks: [{ trackClass: TrackClass.HD, path: FILE }],
              },
            }),
          }),
        },
        {
          module: "profile",
          binding: fake(ProfileService, {
            getViewer: async () => ({
              viewer: { tier: "standard", maxHeight: 1080, maxStreams: 4, maximumAge: 21, language: "en" },
            }),
          }),
        },
      ],
      keySets: new Map([[VIEWER_ISSUER, { keys: async () => [toPublicJwk(key)] }]]),
    },
  });
  const client = host.dial(PlaybackService, undefined);
  const paths: string[] = [];
  for (let viewer = 0; viewer < VIEWERS; viewer++) {
    const issuedAt = systemClock.now();
    const token = await signToken(key, {
      issuer: VIEWER_ISSUER,
      subject: newId(),
      issuedAt,
      expiresAt: new Date(issuedAt.getTime() + 3_600_000),
      claims: { sid: newId(), pid: newId(), roles: [], permissions: [] },
    });
    const device = { id: "device-0001", displayName: "wrk", keySystems: [], formats: [ManifestFormat.DASH] };
    const started = await client.startPlayback(
      { title: `titles/${newId()}`, device, requestId: newId() },
      { headers: { authorization: `Bearer ${token}` } },
    );
    paths.push((started.manifests[0]?.uri ?? "").replace("film/hd.mpd", FILE));
  }
  process.send?.({ port: Number(new URL(host.publicUrl ?? "").port), paths });
  await once(process, "disconnect");
  await host[Symbol.asyncDispose]();
  process.exit();
}

async function startOurs(data: string): Promise<Origin> {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), "serve", data], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  const [{ port, paths }] = (await once(child, "message")) as [{ port: number; paths: string[] }];
  return { port, paths, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child, () => child.disconnect()) };
}

async function startNginx(folder: string, film: string): Promise<Origin> {
  const [port = 0] = await freePorts(1);
  const config = join(folder, "nginx.conf");
  await writeFile(
    config,
    `daemon off;
     master_process off;
     pid ${folder}/nginx.pid;
     error_log stderr error;
     events { worker_connections 1024; }
     http {
       access_log off;
       sendfile on;
       tcp_nopush on;
       keepalive_requests 100000000;
       open_file_cache max=100;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
       uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
       server { listen 127.0.0.1:${port}; location = /film { alias ${film}; } }
     }`,
  );
  const child = spawn("/usr/sbin/nginx", ["-c", config, "-e", "stderr"], { stdio: ["ignore", "inherit", "inherit"] });
  child.once("error", () => {});
  await untilOpen(port, child);
  const stop = () => end(child, () => child.kill("SIGTERM"));
  return { port, paths: ["/film"], pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
}

async function end(child: ChildProcess, tell: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  tell();
  await once(child, "exit");
}

async function untilOpen(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.pid === undefined) throw new Error("nginx: run scripts/setup.sh bench");
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await delay(20);
  }
}

/** What every request asks for: a viewer, and a range as a player's segment lies, anywhere in the film. */
function script(paths: readonly string[], sizeBytes: number): string {
  return `
    local paths = { ${paths.map((path) => JSON.stringify(path)).join(", ")} }
    local requests, nextOne = {}, 0
    math.randomseed(1)
    init = function()
      for count = 1, 2000 do
        local viewer = math.random(${VIEWERS})
        local start = math.random(0, ${sizeBytes - RANGE_BYTES})
        requests[count] = wrk.format("GET", paths[(viewer - 1) % #paths + 1], {
          ["Range"] = "bytes=" .. start .. "-" .. (start + ${RANGE_BYTES - 1}),
          ["X-Forwarded-For"] = "10.0." .. viewer .. ".1" })
      end
    end
    request = function()
      nextOne = nextOne % #requests + 1
      return requests[nextOne]
    end
    done = function(summary, latency)
      io.write(string.format("RESULT %d %d %d %d %d\\n", summary.bytes, summary.duration, summary.requests,
        summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
        latency:percentile(99)))
    end`;
}

/** CPU ticks of a process (proc_pid_stat(5), fields 14 and 15). */
async function cpuTicksOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function load(origin: Origin, lua: string): Promise<Load> {
  const before = await cpuTicksOf(origin.pid);
  const { stdout } = await promisify(execFile)("wrk", [
    ...["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", lua, `http://127.0.0.1:${origin.port}/`],
  ]);
  const cpuSeconds = ((await cpuTicksOf(origin.pid)) - before) / TICKS;
  const [, bytes, micros, requests, errors] = (/^RESULT (\d+) (\d+) (\d+) (\d+)/m.exec(stdout) ?? []).map(Number);
  if (bytes === undefined || micros === undefined || requests === undefined) throw new Error(stdout);
  // Every answer must have been a whole range: refusals would be quick.
  if (errors !== 0 || bytes < requests * RANGE_BYTES) throw new Error(`not every request was answered:\n${stdout}`);
  return { bytesPerSecond: bytes / (micros / 1e6), cpuPerGigabyte: cpuSeconds / (bytes / 1e9) };
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function main(): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), "matinee-bench-origin-"));
  try {
    const film = join(data, "film.bin");
    await writeFile(film, randomBytes(megabytes * 1024 * 1024));
    await using ours = await startOurs(data);
    await using nginx = await startNginx(data, film);
    const { size } = await stat(film);
    const luaOfOurs = join(data, "ours.lua");
    const luaOfNginx = join(data, "nginx.lua");
    await writeFile(luaOfOurs, script(ours.paths, size));
    await writeFile(luaOfNginx, script(nginx.paths, size));
    // A film that several watch lies in memory by then: the system's for nginx, ours for us.
    await load(nginx, luaOfNginx);
    await load(ours, luaOfOurs);
    const ratios: number[] = [];
    const cpu: number[] = [];
    const rates: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const theirs = await load(nginx, luaOfNginx);
      const own = await load(ours, luaOfOurs);
      ratios.push(own.bytesPerSecond / theirs.bytesPerSecond);
      cpu.push(own.cpuPerGigabyte / theirs.cpuPerGigabyte);
      rates.push(own.bytesPerSecond);
      process.stdout.write(
        `round ${round}  nginx ${(theirs.bytesPerSecond / 1e9).toFixed(2)} GB/s ${theirs.cpuPerGigabyte.toFixed(3)} s CPU/GB` +
          `  ours ${(own.bytesPerSecond / 1e9).toFixed(2)} GB/s ${own.cpuPerGigabyte.toFixed(3)} s CPU/GB` +
          `  rate ${ratios.at(-1)?.toFixed(2)}  CPU ${cpu.at(-1)?.toFixed(1)} x\n`,
      );
    }
    const ratio = median(ratios);
    process.stdout.write(
      `1 MB ranges, ${VIEWERS} viewers, ${CONNECTIONS} connections: ${ratio.toFixed(2)} x the rate of nginx ` +
        `(limit ${LIMIT}), ${median(cpu).toFixed(1)} x its CPU a byte\n`,
    );
    process.exitCode = ratio >= LIMIT ? 0 : 1;
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "");
else await main();
