/** Requests that are given up at a chosen moment, over every transport. */

import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Socket } from "node:net";

/** What the server of the storm has to offer at one route. */
export interface StormTarget {
  /** The route as it is declared; several targets of one route have a word behind it. */
  readonly name: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
  /** The whole answer, where it has an end. */
  readonly status: number;
  readonly sha256: string | undefined;
  readonly isEndless: boolean;
}

export interface StormReport {
  readonly warnings: readonly string[];
  /** What keeps the process alive, by kind (process.getActiveResourcesInfo). */
  readonly resources: Readonly<Record<string, number>>;
  readonly listeners: number;
}

/** When and how a request is given up. */
export interface Abort {
  /** How much of the request is sent, from 0 to 1. */
  readonly sent: number;
  /** Given up after so many bytes of the answer, or when nothing of it came for so long. */
  readonly afterBytes: number;
  readonly afterMs: number;
  /** How: closed in order, reset, or closed twice over. */
  readonly how: "close" | "reset" | "twice";
  /** Nothing is read, so that the answer piles up at the server. */
  readonly stalls: boolean;
}

/** An answer that has begun and says nothing for so long is over, or waits for us. */
const SILENCE_MS = 10;

function headOf(target: StormTarget): string {
  const length = Buffer.from(target.body, "base64").byteLength;
  const fields = { host: "storm", ...target.headers, ...(length === 0 ? {} : { "content-length": String(length) }) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${target.method} ${target.path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/**
 * Sends the requests on one connection of HTTP/1.1, as a client that pipelines does, and gives them up. Resolves, when
 * the connection is closed, with how many bytes of the answers came.
 */
export function abortOverHttp1(port: number, targets: readonly StormTarget[], abort: Abort): Promise<number> {
  const whole = Buffer.concat(targets.flatMap((one) => [Buffer.from(headOf(one)), Buffer.from(one.body, "base64")]));
  return new Promise((resolve) => {
    let received = 0;
    const socket = connect(port, "127.0.0.1");
    const giveUp = () => {
      clearTimeout(timer);
      if (abort.how === "reset") socket.resetAndDestroy();
      else if (abort.how === "twice") socket.end(() => socket.destroy());
      else socket.destroy();
      if (abort.how === "twice") socket.destroy();
    };
    let timer = setTimeout(giveUp, abort.afterMs);
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(received);
    });
    socket.on("data", (chunk) => {
      received += chunk.byteLength;
      clearTimeout(timer);
      if (received > abort.afterBytes) giveUp();
      else timer = setTimeout(giveUp, Math.min(abort.afterMs, SILENCE_MS));
    });
    if (abort.stalls) socket.pause();
    socket.write(whole.subarray(0, Math.ceil(whole.byteLength * abort.sent)));
  });
}

/** The same as streams of one HTTP/2 connection, each given up by itself; with the last one goes the connection. */
export async function abortOverHttp2(
  port: number,
  targets: readonly StormTarget[],
  aborts: readonly Abort[],
): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  // Not `once` of node:events, which fails with the session.
  const closed = new Promise((resolve) => {
    session.once("close", resolve);
  });
  const received = await Promise.all(
    targets.map((target, index) => abortStream(session, target, aborts[index] ?? aborts[0])),
  );
  session.destroy();
  await closed;
  return received.reduce((sum, bytes) => sum + bytes, 0);
}

function abortStream(session: ClientHttp2Session, target: StormTarget, abort: Abort | undefined): Promise<number> {
  if (abort === undefined) return Promise.resolve(0);
  const CANCEL = 8;
  return new Promise((resolve) => {
    let received = 0;
    const body = Buffer.from(target.body, "base64");
    const fields = body.byteLength === 0 ? {} : { "content-length": String(body.byteLength) };
    const stream = session.request({ ":method": target.method, ":path": target.path, ...target.headers, ...fields });
    const giveUp = () => {
      clearTimeout(timer);
      stream.close(CANCEL);
      if (abort.how !== "close") stream.destroy();
    };
    let timer = setTimeout(giveUp, abort.afterMs);
    stream.on("error", () => {});
    stream.once("close", () => {
      clearTimeout(timer);
      resolve(received);
    });
    const onPiece = (bytes: number) => {
      received += bytes;
      clearTimeout(timer);
      if (received > abort.afterBytes) giveUp();
      else timer = setTimeout(giveUp, Math.min(abort.afterMs, SILENCE_MS));
    };
    stream.once("response", () => onPiece(0));
    stream.on("data", (chunk: Buffer) => onPiece(chunk.byteLength));
    if (abort.stalls) stream.pause();
    if (abort.sent < 1) stream.write(body.subarray(0, Math.floor(body.byteLength * abort.sent)));
    else stream.end(body);
  });
}

/** A proxy that passes bytes on in both directions and knows nothing of what they are. */
export async function startTcpProxy(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.once("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
