/** How a listener shares its connections out. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { send } from "#pkg/http/send";
import { silentLogger } from "#pkg/obs/logger";
import { newMetrics } from "#pkg/obs/metrics";
import { eventually } from "#pkg/testkit/eventually";
import type { Chain } from "./chain.ts";
import { COST } from "./conduct.ts";
import { ServingState } from "./health.ts";
import { type Listener, type ListenLimits, listen } from "./listen.ts";
import { newProxies } from "./proxies.ts";

/** What a client says first: the preface and an empty SETTINGS frame. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");

/** Lets everybody through: who may call is not the matter here. */
const openChain = { route: (call, handle) => handle(call) } as Pick<Chain, "route"> as Chain;

/** As the steps do to who is not known: each call is blamed on its caller. */
const refusingChain = {
  async route(call, handle) {
    await handle(call).catch((error: unknown) => {
      call.blame?.(COST.refused);
      throw error;
    });
  },
} as Pick<Chain, "route"> as Chain;

const served = { services: [], routes: [], state: new ServingState(), ready: async () => {}, metrics: async () => "" };

describe("the connections of a listener", () => {
  const sockets: Socket[] = [];
  let listener: Listener;

  /** Not serving yet, it answers `/healthz` with 200 and everything else with 503; no chain is needed. */
  async function open(limits: Partial<ListenLimits>, trusted: readonly string[] = []): Promise<void> {
    listener = await listen({
      ...{ host: "0.0.0.0", port: 0, via: "public", proxies: newProxies(trusted) },
      ...{ log: silentLogger, metrics: newMetrics({ processMetrics: false }), limits },
    });
  }

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await listener.drain(0);
  });

  /** A connection from one of the many addresses of the loopback interface. */
  async function dial(from: string, bytes: string | Buffer = PREFACE): Promise<Socket> {
    const socket = connect({ port: listener.port, host: "127.0.0.1", localAddress: from });
    sockets.push(socket);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(bytes);
    return socket;
  }

  /** Resolves when the server has said something, or has closed. */
  async function heard(socket: Socket): Promise<"data" | "closed"> {
    if (socket.destroyed) return "closed";
    return new Promise((resolve) => {
      socket.once("data", () => resolve("data"));
      socket.once("close", () => resolve("closed"));
    });
  }

  async function closed(socket: Socket): Promise<void> {
    socket.resume();
    if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
  }

  function ask(from: string, path = "/healthz", agent: Agent | false = false): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = { port: listener.port, host: "127.0.0.1", localAddress: from, path, agent };
      httpRequest(options, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      })
        .on("error", reject)
        .end();
    });
  }

  it("are not made anew by a network as often as it likes", async () => {
    await open({ maxConnectionsPerNetwork: 10 });
    const all = [];
    for (let count = 0; count < 60; count++) all.push(await dial("127.0.0.2"));
    const heards = await Promise.all(all.slice(-40).map(heard));
    assert.ok(heards.includes("closed"));
    assert.equal(await ask("127.0.0.3"), 200);
  });

  it("are limited by network: the one that was idle longest goes for its own neighbour", async () => {
    await open({ maxConnectionsPerNetwork: 3 });
    const first = await dial("127.0.0.2");
    await heard(first);
    const rest = [await dial("127.0.0.2"), await dial("127.0.0.2")];
    for (const socket of rest) await heard(socket);
    const other = await dial("127.0.0.3");
    await heard(other);
    // It may make a new one in a moment.
    await eventually("a fourth is taken in", async () => (await heard(await dial("127.0.0.2"))) === "data");
    await closed(first);
    assert.ok([...rest, other].every((socket) => !socket.destroyed));
    assert.equal(await ask("127.0.0.3"), 200);
  });

  it("are closed where much is refused over them, and their network makes no new ones for a while", async () => {
    await open({ maxRefusalsPerNetwork: 40 });
    listener.serve({ ...served, chain: refusingChain, fallback: undefined });
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal(await ask("127.0.0.2", "/healthz", kept), 200);
    const rude = await dial("127.0.0.2", "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100));
    let answers = "";
    for await (const chunk of rude) answers += String(chunk);
    // It was told so for long before the connection was of no more use.
    const refused = answers.match(/HTTP\/1\.1 404/g)?.length ?? 0;
    assert.ok(refused > 20 && refused < 60, `${refused} answers`);
    const again = connectHttp2(`http://127.0.0.1:${listener.port}`, {
      createConnection: () => connect({ port: listener.port, host: "127.0.0.1", localAddress: "127.0.0.4" }),
    });
    again.on("error", () => {});
    const told = new Promise<number>((resolve) => again.once("goaway", resolve));
    for (let count = 0; count < 40; count++) {
      const stream = again.request({ ":path": "/nothing" });
      stream.on("error", () => {});
      stream.resume();
    }
    assert.equal(await told, constants.NGHTTP2_NO_ERROR);
    await assert.rejects(ask("127.0.0.2"), { code: "ECONNRESET" });
    assert.equal(await ask("127.0.0.2", "/healthz", kept), 200, "who behaves goes on");
    assert.equal(await ask("127.0.0.3"), 200);
    kept.destroy();
  });

  it("of a trusted proxy are kept whatever is refused over them", async () => {
    await open({ maxRefusalsPerNetwork: 5 }, ["127.0.0.2"]);
    listener.serve({ ...served, chain: refusingChain, fallback: undefined });
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 60; count++) assert.equal(await ask("127.0.0.2", "/nothing", kept), 404);
    assert.equal(await ask("127.0.0.2"), 200);
    kept.destroy();
  });

  it("that say nothing after HTTP/2's preface are spoken to by the few, and all when they ask", async () => {
    await open({});
    const silent = [];
    for (let count = 0; count < 6; count++) silent.push(await dial("127.0.0.2"));
    for (const socket of silent.slice(0, 4)) assert.equal(await heard(socket), "data");
    const [fifth, sixth] = silent.slice(4) as [Socket, Socket];
    assert.equal(fifth.bytesRead + sixth.bytesRead, 0);
    // HEADERS that end the stream: GET http / of the static table, and a literal authority.
    fifth.write(Buffer.from("\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x", "latin1"));
    assert.equal(await heard(fifth), "data");
    assert.equal(await heard(await dial("127.0.0.3")), "data", "another network has its own");
    // It pings for ever and asks nothing.
    const ping = Buffer.from("\0\0\x08\x06\0\0\0\0\0abcdefgh", "latin1");
    for (const socket of [sixth, silent[0] as Socket]) {
      const timer = setInterval(() => socket.write(Buffer.concat(Array(20).fill(ping))), 20);
      await closed(socket);
      clearInterval(timer);
    }
  });

  it("that are silent do not hold up a listener that closes, and answers under way do", async () => {
    await open({});
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      listener.serve({
        ...{ ...served, chain: openChain },
        fallback: (_request, response) => {
          answer = () => void response.end("late");
          resolve();
        },
      });
    });
    const silent = [
      await dial("127.0.0.2", ""),
      ...(await Promise.all(Array.from({ length: 6 }, () => dial("127.0.0.2")))),
    ];
    const busy = await dial("127.0.0.3", "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await asked;
    await delay(1_100);
    const drained = listener.drain(60_000);
    await Promise.all(silent.map(closed));
    answer();
    let text = "";
    for await (const chunk of busy) text += String(chunk);
    assert.match(text, /late/);
    await drained;
  });

  it("are told to go at once where a refusal is immediate, and what else runs over them may end", async () => {
    await open({ maxRefusalsPerNetwork: 1_000 });
    let answer = () => {};
    listener.serve({
      ...{ ...served, chain: refusingChain },
      fallback: (request, response) => {
        if (request.url === "/slow") answer = () => void response.end("late");
        else throw new Error("asked for what is not there");
      },
    });
    const session = connectHttp2(`http://127.0.0.1:${listener.port}`);
    session.on("error", () => {});
    const slow = session.request({ ":path": "/slow" });
    const text = buffer(slow);
    await eventually("it is under way", () => answer !== undefined && answer.name !== "");
    const told = new Promise<number>((resolve) => session.once("goaway", resolve));
    for (let count = 0; count < 40; count++) {
      const stream = session.request({ ":path": "/healthz", ":method": "PUT" });
      stream.on("error", () => {});
      stream.resume();
    }
    assert.equal(await told, constants.NGHTTP2_NO_ERROR);
    answer();
    assert.equal(String(await text), "late");
    await eventually("the connection is closed", () => session.destroyed);
  });

  it("that flood and break off in the same breath end nothing but themselves", async () => {
    await open({ maxRefusalsPerNetwork: 50 });
    for (let count = 0; count < 4; count++) await heard(await dial("127.0.0.2"));
    const ping = Buffer.from("\0\0\x08\x06\0\0\0\0\0abcdefgh", "latin1");
    const flood = Buffer.concat([PREFACE, ...Array<Buffer>(4_000).fill(ping)]).subarray(0, 65_536);
    for (let round = 0; round < 20; round++) {
      const socket = connect({ port: listener.port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (round % 2)}` });
      sockets.push(socket);
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.write(flood, () => socket.resetAndDestroy());
      await closed(socket);
    }
    assert.equal(await ask("127.0.0.9"), 200);
  });

  it("whose client is refused and reads nothing are gone a moment later, and hold up no end", async () => {
    await open({ maxRefusalsPerNetwork: 1_000 });
    listener.serve({
      ...{ ...served, chain: refusingChain },
      fallback: (_request, response) => {
        const body = (async function* () {
          for (;;) yield Buffer.alloc(65_536);
        })();
        send(response, { status: 200, headers: {}, body }).catch(() => {});
      },
    });
    const refused = "PUT /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    const unread = await dial("127.0.0.2", `GET / HTTP/1.1\r\nhost: x\r\n\r\n${refused.repeat(40)}`);
    unread.pause();
    const open1 = async () => (await connectionsTo(listener.port)) > 0;
    await eventually("it was taken in", open1);
    await eventually("it is cut off", async () => !(await open1()));
    await listener.drain(60_000);
  });

  it("of who was asked nothing wait for a session until one of their network's is free", async () => {
    await open({});
    const silent = [];
    for (let count = 0; count < 4; count++) silent.push(await dial("127.0.0.2"));
    for (const socket of silent) await heard(socket);
    const fifth = await dial("127.0.0.2");
    const spoken = heard(fifth);
    silent[0]?.destroy();
    assert.equal(await spoken, "data");
  });

  it("may send a message and be quiet again, however long it was", async () => {
    await open({});
    listener.serve({
      ...{ ...served, chain: openChain },
      fallback: (request, response) => {
        request.resume();
        request.on("end", () => response.end("thanks"));
      },
    });
    const session = connectHttp2(`http://127.0.0.1:${listener.port}`);
    for (let count = 0; count < 6; count++) {
      const stream = session.request({ ":path": "/", ":method": "POST" });
      stream.write(Buffer.alloc(20_000));
      await delay(400);
      stream.end();
      assert.equal(String(await buffer(stream)), "thanks");
    }
    assert.equal(session.destroyed, false);
    session.destroy();
  });

  it("are answered by us also where they want a tunnel or expect something", async () => {
    await open({});
    listener.serve({ ...served, chain: refusingChain, fallback: undefined });
    const session = connectHttp2(`http://127.0.0.1:${listener.port}`);
    session.on("error", () => {});
    const tunnel = session.request({ ":method": "CONNECT", ":authority": "x:1" });
    const [head] = (await once(tunnel, "response")) as [{ ":status": number; "content-type": string }];
    assert.deepEqual([head[":status"], head["content-type"]], [404, "application/json"]);
    const expecting = await dial("127.0.0.2", "GET / HTTP/1.1\r\nhost: x\r\nexpect: rain\r\nconnection: close\r\n\r\n");
    let text = "";
    for await (const chunk of expecting) text += String(chunk);
    assert.match(text, /^HTTP\/1\.1 404/);
    session.destroy();
  });

  it("of HTTP/1.1 send no more requests ahead than HTTP/2 has streams", async () => {
    await open({ maxStreamsPerConnection: 10 });
    listener.serve({ ...served, chain: openChain, fallback: () => {} });
    const few = await dial("127.0.0.2", "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(10));
    const many = await dial("127.0.0.2", "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(11));
    await closed(many);
    assert.ok(!few.destroyed);
  });

  it("are not refused to a trusted proxy, which carries many people", async () => {
    await open({ maxConnectionsPerNetwork: 2 }, ["127.0.0.2"]);
    const all = [];
    for (let count = 0; count < 6; count++) all.push(await dial("127.0.0.2"));
    for (const socket of all) assert.equal(await heard(socket), "data");
    assert.ok(all.every((socket) => !socket.destroyed));
  });

  it("make room when the listener is full: the oldest idle goes, what works stays", async () => {
    await open({ maxConnections: 5 });
    const working: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${listener.port}`);
    // A request whose body is not over keeps its stream open.
    const upload = working.request({ ":method": "POST", ":path": "/x" }, { endStream: false });
    upload.on("error", () => {});
    const cut = once(working, "close");
    await once(upload, "response");
    const strangers = [];
    for (let count = 0; count < 30; count++) strangers.push(await dial(`127.0.1.${count}`));
    assert.equal(await ask("127.0.0.9"), 200);
    await Promise.all(strangers.slice(0, 20).map(closed));
    assert.equal(await ask("127.0.0.9"), 200);
    working.destroy();
    await cut;
  });

  it("that never ask anything are closed after the headers' time-out, whatever they say meanwhile", async () => {
    await open({ headersTimeoutMs: 150, idleTimeoutMs: 60_000 });
    const silent = await dial("127.0.0.2");
    const pinging = await dial("127.0.0.3");
    const ping = Buffer.from("\0\0\x08\x06\0\0\0\0\0abcdefgh", "latin1");
    const timer = setInterval(() => pinging.write(ping), 20);
    const halfPreface = await dial("127.0.0.4", PREFACE.subarray(0, 10));
    await Promise.all([silent, pinging, halfPreface].map(closed));
    clearInterval(timer);
  });

  it("whose client takes nothing of its answer are closed, and those that take it slowly are not", async () => {
    await open({ stallTimeoutMs: 300 });
    const answered: Promise<void>[] = [];
    listener.serve({
      ...{ ...served, chain: openChain },
      fallback: (_request, response) => {
        const body = (async function* () {
          for (let count = 0; count < 200; count++) yield Buffer.alloc(65_536);
        })();
        answered.push(send(response, { status: 200, headers: {}, body }).catch(() => {}));
      },
    });
    const stuck = await dial("127.0.0.2", "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    const session = connectHttp2(`http://127.0.0.1:${listener.port}`);
    const unread = session.request({ ":path": "/" });
    unread.on("error", () => {});
    session.on("error", () => {});
    const cut = once(session, "close");
    const slow = await dial("127.0.0.4", "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let bytes = 0;
    for await (const chunk of slow) {
      bytes += (chunk as Buffer).length;
      await delay(1);
    }
    assert.ok(bytes > 200 * 65_536);
    await Promise.all(answered);
    await cut;
    // What was under way is still to be read before a client learns that it was cut off.
    await closed(stuck);
  });

  it("of HTTP/2 are told to go when they have been idle", async () => {
    await open({ idleTimeoutMs: 150 });
    const session = connectHttp2(`http://127.0.0.1:${listener.port}`);
    const told = new Promise<number>((resolve) => session.once("goaway", resolve));
    const stream = session.request({ ":path": "/healthz" });
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    assert.equal(headers[":status"], 200);
    stream.resume();
    assert.equal(await told, 0);
    await once(session, "close");
  });
});

/** Connections of a port that are not over on its side (proc_net_tcp: 01 is established, 04 and 08 are half closed). */
async function connectionsTo(port: number): Promise<number> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines.filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} [0-9A-F:]+ (01|04|08) `).test(line)).length;
}
