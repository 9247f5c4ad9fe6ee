/**
 * A storm of callers who leave: 10,000 requests to every route that streams, given up before the head of the answer, in
 * its middle, twice over, directly and through proxies, on HTTP/1.1 and HTTP/2. `STORM_SEED=n` repeats one.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { eventually } from "#pkg/testkit/eventually";
import { freePorts } from "#pkg/testkit/ports";
import { modules } from "../targets.ts";
import { type Chance, newChance } from "./chance.ts";
import { type Edge, startEdge } from "./edge.ts";
import {
  type Abort,
  abortOverHttp1,
  abortOverHttp2,
  type StormReport,
  type StormTarget,
  startTcpProxy,
} from "./storm.ts";

const ABORTS = 10_000;
const WARM_UP = 400;
const AT_ONCE = 16;
const MAX_MS = 14;
/** For whoever waits for a piece of the answer: far beyond what a busy machine needs. */
const PATIENCE_MS = 10_000;

/** How a request reaches the server. */
const WAYS = ["http1", "http1-proxied", "http1-pipelined", "http2", "http2-proxied"] as const;

describe("a storm of callers who leave", () => {
  const seed = Number(process.env.STORM_SEED ?? 20261127);
  let server: ChildProcess;
  let output: string;
  let url: string;
  let port: number;
  let targets: readonly StormTarget[];
  let folders: readonly string[];
  let edge: Edge;
  let proxy: Awaited<ReturnType<typeof startTcpProxy>>;

  before(async function () {
    this.timeout(120_000);
    output = "";
    const path = fileURLToPath(new URL("./fixtures/storm-server.ts", import.meta.url));
    server = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const stream of [server.stdout, server.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const started = await Promise.race([once(server, "message"), once(server, "exit")]);
    assert.ok(typeof started[0] === "object" && started[0] !== null, `the server ended:\n${output}`);
    ({ url, targets, folders } = started[0] as { url: string; targets: StormTarget[]; folders: string[] });
    port = Number(new URL(url).port);
    edge = await startEdge({ modules, port: (await freePorts(1))[0] ?? 0, portOf: () => port, web: "catalog" });
    proxy = await startTcpProxy(port);
  });

  after(async function () {
    this.timeout(60_000);
    await proxy?.[Symbol.asyncDispose]();
    await edge?.[Symbol.asyncDispose]();
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.disconnect();
    await ended;
  });

  it("reaches every route and every method that streams", () => {
    const declared = [
      ...modules.flatMap((module) => module.routes.map(({ method, path }) => `${method} ${path}`)),
      ...modules
        .flatMap((module) => module.serves)
        .flatMap((service) => service.methods)
        .filter(({ methodKind }) => methodKind !== "unary")
        .map((method) => `POST /${method.parent.typeName}/${method.name}`),
      "PUT /blobs/originals/{key...}",
      "GET static",
    ];
    const covered = (route: string) => targets.some(({ name }) => name === route || name.startsWith(`${route} `));
    assert.deepEqual(
      declared.filter((route) => !covered(route)),
      [],
    );
  });

  it("leaves the server alive, right, and as it was", async function () {
    this.timeout(300_000);
    const chance = newChance(seed);
    await answersAreRight();
    await storm(WARM_UP, chance);
    const before = await settled();
    const { received, cut } = await storm(ABORTS, chance);
    assert.equal(server.exitCode, null, `the server ended:\n${output}`);
    await answersAreRight();
    const after = await settled(before);
    // Both kinds of moments were met, or the storm was none.
    assert.ok(received > 20_000_000, `only ${received} bytes of answers came`);
    assert.ok(cut.before > ABORTS / 20 && cut.middle > ABORTS / 20, JSON.stringify(cut));
    assert.deepEqual(after.warnings, []);
    assert.ok(after.listeners <= before.listeners, `${before.listeners} listeners became ${after.listeners}`);
    assert.equal(output, "", "nothing went wrong that nobody asked for");
  });

  /** Gives up `count` requests, a few at a time. */
  async function storm(count: number, { below, pick }: Chance) {
    const share = () => below(1_000) / 1_000;
    let [left, received] = [count, 0];
    const cut = { before: 0, middle: 0 };
    const newAbort = (asked: readonly StormTarget[]): Abort => {
      // A busy machine would answer nothing within any time, so half of them wait for a piece of the answer instead.
      const waits = share() < 0.5 && asked.every(({ isEndless }) => !isEndless);
      return {
        sent: waits ? 1 : pick([1, 1, share()]),
        afterBytes: below(pick([1, 20_000, 500_000, 2_000_000])),
        afterMs: waits ? PATIENCE_MS : share() * MAX_MS,
        how: pick(["close", "reset", "twice"]),
        stalls: !waits && share() < 0.4,
      };
    };
    const one = async () => {
      const way = pick(WAYS);
      const some = way === "http1-pipelined" || way.startsWith("http2") ? 1 + below(6) : 1;
      const asked = Array.from({ length: Math.min(some, left) }, () => pick(targets));
      const aborts = way.startsWith("http2") ? asked.map((one) => newAbort([one])) : [newAbort(asked)];
      left -= asked.length;
      const direct = way === "http2-proxied" ? proxy.port : way === "http1-proxied" ? edgePort() : port;
      const bytes = way.startsWith("http2")
        ? await abortOverHttp2(direct, asked, aborts)
        : await abortOverHttp1(direct, asked, aborts[0] ?? newAbort(asked));
      received += bytes;
      if (bytes === 0) cut.before += asked.length;
      else cut.middle += asked.length;
    };
    const work = async () => {
      while (left > 0 && server.exitCode === null) await one();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return { received, cut };
  }

  const edgePort = () => Number(new URL(edge.origin).port);

  /** Every answer that has an end, whole; of the others, that they begin. */
  async function answersAreRight(): Promise<void> {
    for (const origin of [url, edge.origin]) {
      for (const target of targets) {
        const controller = new AbortController();
        const answer = fetch(origin + target.path, {
          method: target.method,
          headers: target.headers,
          ...(target.body === "" ? {} : { body: Buffer.from(target.body, "base64") }),
          signal: controller.signal,
        });
        if (target.isEndless) {
          // It says nothing before its first message, which may take long.
          const early = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 20))]);
          if (early instanceof Response) assert.equal(early.status, target.status, target.name);
          controller.abort();
          await answer.then((one) => one.body?.cancel()).catch(() => {});
          continue;
        }
        const { status, headers } = await answer;
        const body = Buffer.from(await (await answer).arrayBuffer());
        assert.equal(status, target.status, `${target.name}: ${body.subarray(0, 300)}`);
        if (target.sha256 !== undefined) assert.equal(sha256(body), target.sha256, target.name);
        if (target.method === "HEAD") assert.ok(Number(headers.get("content-length")) > 1_000_000);
      }
    }
    const session = connectHttp2(url);
    for (const { name, path, method, headers, sha256: expected } of targets.filter((one) => one.sha256 !== undefined)) {
      assert.equal(
        sha256(await buffer(session.request({ ":path": path, ":method": method, ...headers }))),
        expected,
        name,
      );
    }
    session.destroy();
  }

  /**
   * Waits until the server holds no connection, no file of its folders, and no more of anything than it held `before`.
   * Connections to the database are its pools', which have bounds of their own.
   */
  async function settled(before?: { readonly timers: number; readonly descriptors: number }) {
    edge.closeIdle();
    return eventually("the server has let go of everything", async () => {
      const connections = await connectionsTo(port);
      const open = await descriptors();
      const files = open.filter((name) => folders.some((folder) => name.startsWith(folder)));
      const report = await ask();
      const timers = report.resources.Timeout ?? 0;
      const others = open.filter((name) => !name.startsWith("socket:")).length;
      const state = `${connections} connections, files ${files}, ${timers} timers, ${others} descriptors`;
      if (connections > 0 || files.length > 0) throw new Error(state);
      if (before !== undefined && (timers > before.timers || others > before.descriptors)) {
        throw new Error(`${state}; before ${JSON.stringify(before)}`);
      }
      return { ...report, timers, descriptors: others };
    });
  }

  async function ask(): Promise<StormReport> {
    const answered = once(server, "message");
    server.send({});
    const [{ report }] = (await answered) as [{ report: StormReport }];
    return report;
  }

  async function descriptors(): Promise<string[]> {
    const folder = `/proc/${server.pid}/fd`;
    return Promise.all((await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => "")));
  }
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Connections of a port that are not over on its side (proc_net_tcp: 01 is established, 08 waits to be closed). */
async function connectionsTo(port: number): Promise<number> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines.filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} [0-9A-F:]+ (01|08) `).test(line)).length;
}
