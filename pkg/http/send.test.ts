/** Sending to callers that may leave. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { isAppError } from "#pkg/errors/errors";
import type { NodeRequest, NodeResponse } from "./node.ts";
import { type Answer, send } from "./send.ts";
import { newWaiting, type Waiting } from "./waiting.ts";

const CHUNK = new Uint8Array(512 * 1024);

/** Counts what is open, and stops at a gate where a test wants to act in between. */
function source(count: number, gate: (index: number) => Promise<void> = async () => {}) {
  const state = { open: 0, read: 0 };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    state.open += 1;
    try {
      for (let index = 0; index < count; index++) {
        await gate(index);
        state.read += 1;
        yield CHUNK;
      }
    } finally {
      state.open -= 1;
    }
  }
  return { state, chunks };
}

interface Served {
  readonly port: number;
  /** How the answers ended, in order. */
  readonly outcomes: readonly Promise<unknown>[];
  readonly responses: readonly NodeResponse[];
}

/** A server of either kind that answers every request with what it is told. */
async function serve(
  http2: boolean,
  answer: (request: NodeRequest) => Answer,
  waiting?: Waiting,
): Promise<Served & AsyncDisposable> {
  const outcomes: Promise<unknown>[] = [];
  const responses: NodeResponse[] = [];
  const handle = (request: NodeRequest, response: NodeResponse) => {
    request.on("error", () => {});
    response.on("error", () => {});
    responses.push(response);
    outcomes.push(
      send(response, answer(request), waiting).then(
        () => "sent",
        (error: unknown) => {
          response.destroy();
          return isAppError(error) ? error.reason : error;
        },
      ),
    );
  };
  const sockets = new Set<Socket>();
  const server = http2 ? createHttp2Server(handle) : createServer(handle as RequestListener);
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    outcomes,
    responses,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Listeners on a response and on what is below it, by event. */
function listeners(response: NodeResponse): Record<string, number> {
  return Object.fromEntries(
    ["close", "drain", "error", "finish"].map((event) => [event, response.listenerCount(event)]),
  );
}

function request(port: number, head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(head);
  return socket;
}

async function outcome(served: Served, index = 0): Promise<unknown> {
  while (served.outcomes[index] === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  return served.outcomes[index];
}

describe("an answer", () => {
  it("is sent whole, with its length, and to HEAD without a byte read", async () => {
    const { state, chunks } = source(4);
    await using served = await serve(false, () => ({
      status: 200,
      headers: { "content-length": 4 * CHUNK.byteLength },
      body: chunks(),
    }));
    const url = `http://127.0.0.1:${served.port}/`;
    assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, 4 * CHUNK.byteLength);
    assert.equal(state.read, 4);
    const head = await fetch(url, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), String(4 * CHUNK.byteLength));
    assert.deepEqual([state, await Promise.all(served.outcomes)], [{ open: 0, read: 4 }, ["sent", "sent"]]);
  });

  it("reads no further than the caller takes, and stops when the caller goes", async () => {
    const { state, chunks } = source(1000);
    await using served = await serve(false, () => ({ status: 200, headers: {}, body: chunks() }));
    const socket = request(served.port);
    await once(socket, "data");
    socket.pause();
    for (let before = -1; before !== state.read; ) {
      before = state.read;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // What the system's buffers take, and one chunk beyond.
    assert.ok(state.read < 40, `${state.read} chunks`);
    const [response] = served.responses;
    assert.ok(response);
    socket.destroy();
    assert.equal(await outcome(served), "CALLER_LEFT");
    assert.equal(state.open, 0);
    assert.deepEqual(listeners(response).drain, 0);
  });

  it("closes its source when the caller goes before the first byte", async () => {
    let pass: () => void = () => {};
    const passed = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const { state, chunks } = source(1000, () => passed);
    await using served = await serve(false, () => ({ status: 200, headers: {}, body: chunks() }));
    const socket = request(served.port);
    while (state.open === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    socket.destroy();
    const [response] = served.responses;
    assert.ok(response);
    await once(response, "close");
    pass();
    assert.equal(await outcome(served), "CALLER_LEFT");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(state, { open: 0, read: 1 });
  });

  it("ends for every request that waits in line when their connection breaks", async () => {
    const { state, chunks } = source(1000);
    await using served = await serve(false, () => ({ status: 200, headers: {}, body: chunks() }));
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    const socket = request(served.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20));
    await once(socket, "data");
    while (served.outcomes.length < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    socket.destroy();
    const ended = new Set(await Promise.all(served.outcomes));
    process.off("warning", onWarning);
    assert.deepEqual([...ended], ["CALLER_LEFT"]);
    assert.equal(state.open, 0);
    assert.deepEqual(warnings, []);
  });

  it("opens nothing before its turn, and hears its caller leave from behind an answer without end", async () => {
    const { state, chunks } = source(4);
    const endless = async function* () {
      yield Buffer.from("for ever");
      await new Promise(() => {});
    };
    await using served = await serve(false, ({ url }) => ({
      status: 200,
      headers: {},
      body: url === "/endless" ? endless() : chunks(),
    }));
    const socket = request(
      served.port,
      `GET /endless HTTP/1.1\r\nHost: x\r\n\r\n${"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3)}`,
    );
    await once(socket, "data");
    while (served.responses.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    // Node looks at what is in line when a request comes: here one more, once the others had time to write.
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    while (served.responses.length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(state, { open: 0, read: 0 });
    socket.resetAndDestroy();
    // The first one waits for its source, which is not ours to end.
    assert.deepEqual(await Promise.all(served.outcomes.slice(1)), Array(4).fill("CALLER_LEFT"));
    assert.equal(state.open, 0);
  });

  it("is cut, not passed off as whole, where its source is shorter or longer than its head said", async () => {
    for (const announced of [3, 1]) {
      await using served = await serve(false, () => ({
        status: 200,
        headers: { "content-length": announced * CHUNK.byteLength },
        body: source(2).chunks(),
      }));
      const answer = await fetch(`http://127.0.0.1:${served.port}/`);
      if (announced === 3) await assert.rejects(answer.arrayBuffer());
      else await answer.arrayBuffer().catch(() => {});
      assert.equal(await outcome(served), "ANSWER_CUT");
    }
  });

  it("holds no more for callers who read nothing than all of them may, and lets go of the oldest first", async () => {
    const { state, chunks } = source(8);
    const body = () => ({ status: 200, headers: {}, body: chunks() });
    await using served = await serve(true, body, newWaiting(4 * CHUNK.byteLength));
    const session = connectHttp2(`http://127.0.0.1:${served.port}`);
    session.on("error", () => {});
    const ask = () => {
      const stream = session.request({ ":path": "/" });
      stream.on("error", () => {});
      return stream;
    };
    const stalled = [];
    for (let count = 0; count < 12; count++) {
      stalled.push(ask());
      while (served.responses.length <= count) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const early = await Promise.all(Array.from({ length: 8 }, (_, index) => outcome(served, index)));
    assert.deepEqual(new Set(early), new Set(["CALLER_STALLED"]));
    assert.ok(state.open <= 4, `${state.open} sources are open`);
    const reading = stalled.at(-1);
    assert.ok(reading);
    let bytes = 0;
    for await (const chunk of reading) bytes += (chunk as Buffer).byteLength;
    assert.equal(bytes, 8 * CHUNK.byteLength, "who reads after all gets everything");
    assert.equal(await outcome(served, 11), "sent");
    session.destroy();
  });

  it("leaves the response untouched where its source fails before the first byte", async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield* [];
      throw new Error("disk");
    };
    await using served = await serve(false, () => ({ status: 200, headers: {}, body: failing() }));
    request(served.port);
    assert.match(String(await outcome(served)), /disk/);
    assert.equal(served.responses[0]?.headersSent, false);
  });

  it("is the same over HTTP/2: whole, for HEAD, cut, left in the middle", async () => {
    const { state, chunks } = source(6);
    await using served = await serve(true, (request) => ({
      status: 200,
      headers: {
        connection: "close",
        ...(request.url === "/short" ? { "content-length": 7 * CHUNK.byteLength } : {}),
      },
      body: request.url === "/text" ? "hello" : chunks(),
    }));
    const session = connectHttp2(`http://127.0.0.1:${served.port}`);
    session.on("error", () => {});
    const ask = (path: string, method = "GET") => {
      const stream = session.request({ ":path": path, ":method": method });
      stream.on("error", () => {});
      return stream;
    };
    assert.equal(await text(ask("/text")), "hello");
    let bytes = 0;
    for await (const chunk of ask("/")) bytes += (chunk as Buffer).byteLength;
    assert.equal(bytes, 6 * CHUNK.byteLength);
    assert.equal(await text(ask("/", "HEAD")), "");
    await once(ask("/short").resume(), "close");
    const left = ask("/");
    await once(left, "data");
    left.close(8);
    const outcomes = [];
    for (let index = 0; index < 5; index++) outcomes.push(await outcome(served, index));
    assert.deepEqual(outcomes, ["sent", "sent", "sent", "ANSWER_CUT", "CALLER_LEFT"]);
    assert.equal(state.open, 0);
    const response = served.responses[4] as Http2ServerResponse;
    assert.equal(response.listenerCount("drain"), 0);
    session.destroy();
  });
});
