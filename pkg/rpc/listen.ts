/** One port for everything: Connect, gRPC, gRPC-Web, raw HTTP routes, health; HTTP/1.1 and HTTP/2 on clear text. */

import { createServer as createHttp1Server } from "node:http";
import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import type { Logger, Metrics } from "#pkg/obs/obs";
import { edge } from "./access.ts";
import { newConnectHandler } from "./adapter.ts";
import type { Target } from "./call.ts";
import type { Chain } from "./chain.ts";
import { type Connection, type ConnectionLimits, Connections } from "./connections.ts";
import { healthService } from "./health.ts";
import type { LocalService } from "./local.ts";
import { livenessRoute, type ProbeOptions, probeRoutes, sendText } from "./probes.ts";
import type { Proxies } from "./proxies.ts";
import { newRawHandler, newRefusal, pathOf } from "./raw.ts";
import { reflectionService } from "./reflection.ts";
import { type BoundRoute, newRouteTable } from "./routes.ts";

export interface ListenLimits extends ConnectionLimits {
  /** A whole request, its body included; uploads of large parts over slow lines need minutes. */
  readonly requestTimeoutMs: number;
  /** The message of a call by RPC; nobody may hold memory for minutes with one that does not end. */
  readonly messageTimeoutMs: number;
  readonly maxStreamsPerConnection: number;
  /** Streams that one HTTP/2 connection may reset at once and per second (CVE-2023-44487). */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
}

export const DEFAULT_LIMITS: ListenLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 900_000,
  messageTimeoutMs: 30_000,
  idleTimeoutMs: 65_000,
  stallTimeoutMs: 120_000,
  maxConnections: 10_000,
  maxConnectionsPerNetwork: 500,
  maxStreamsPerConnection: 256,
  streamResetBurst: 1_000,
  streamResetRate: 100,
};

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Public: no identity is believed but tokens. Internal: the peer proves its module. */
  readonly via: "public" | "internal";
  readonly proxies: Proxies;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<ListenLimits>;
}

/** What a listener serves once everything is open. */
export interface ServeOptions extends ProbeOptions {
  readonly chain: Chain;
  readonly services: readonly LocalService[];
  readonly routes: readonly BoundRoute[];
  /** What is served where no route fits; undefined answers 404. */
  readonly fallback: NodeHandler | undefined;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Until then every request but `/healthz` is answered with 503. Throws a plain Error where two routes clash. */
  serve(options: ServeOptions): void;
  /** Stops taking connections and lets requests finish for `graceMs`, then cuts what is left. */
  drain(graceMs: number): Promise<void>;
}

/** Starts listening. Rejects with Node's error where the address is taken. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let serving: NodeHandler = serveNothing;
  const handle: NodeHandler = (request, response) => {
    // A client that breaks off is no news; without listeners it would end the process.
    request.on("error", () => {});
    response.on("error", () => {});
    try {
      serving(request, response);
    } catch (error) {
      options.log.error({ err: error }, "request handler failed");
      response.destroy();
    }
  };
  const connections = new Connections({
    limits,
    isTrusted: options.proxies.isTrusted,
    closed: options.metrics.counter("listener_connections_closed_total", "Connections that the listener closed", [
      "why",
    ]),
  });
  const connectionOf = new WeakMap<Socket, Connection>();
  let closing = false;

  const http1 = createHttp1Server(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    (request, response) => {
      const connection = connectionOf.get(request.socket);
      if (connection !== undefined) {
        connections.begin(connection, response);
        response.once("close", () => connections.end(connection, response));
      }
      if (closing) response.setHeader("connection", "close");
      handle(request, response);
    },
  );
  // Node starts its check for slow requests when the server listens; this one is handed its sockets instead.
  http1.emit("listening");

  const http2 = createHttp2Server(
    {
      settings: { maxConcurrentStreams: limits.maxStreamsPerConnection },
      streamResetBurst: limits.streamResetBurst,
      streamResetRate: limits.streamResetRate,
    },
    handle,
  );
  http2.on("sessionError", (error) => options.log.debug({ err: error }, "http2 session failed"));

  /** The session hides its socket, so it is told apart while it is made: that happens before `emit` returns. */
  function startHttp2(connection: Connection): void {
    http2.once("session", (session) => {
      connection.session = session;
      session.on("stream", (stream) => {
        connections.begin(connection, stream);
        stream.once("close", () => connections.end(connection, stream));
        limitBody(stream, limits.requestTimeoutMs);
      });
    });
    http2.emit("connection", connection.socket);
  }

  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    const connection = connections.admit(socket);
    if (connection === undefined) return;
    connectionOf.set(socket, connection);
    peek(socket, limits.headersTimeoutMs, (isHttp2) =>
      isHttp2 ? startHttp2(connection) : http1.emit("connection", socket),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((error: unknown) => {
    connections.stop();
    throw error;
  });
  const { port } = server.address() as AddressInfo;

  return {
    host: options.host,
    port,
    serve(what) {
      serving = newRequestHandler(what, options, limits);
    },
    async drain(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      connections.closeSessions();
      http1.closeIdleConnections();
      const timer = setTimeout(() => connections.destroyAll(), graceMs);
      // A connection that becomes idle while others still work closes with its last response.
      const idle = setInterval(() => http1.closeIdleConnections(), 50);
      await closed;
      clearTimeout(timer);
      clearInterval(idle);
      connections.stop();
      http1.close();
      http2.close();
    },
  };
}

/** Connections that the kernel keeps while we are busy: a burst of strangers must not shut others out for a second. */
const BACKLOG = 4_096;

/** Breaks off a stream whose request has not come in whole by then, as HTTP/1.1's request time-out does. */
function limitBody(stream: ServerHttp2Stream, timeoutMs: number): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs);
  const clear = () => clearTimeout(timer);
  stream.once("end", clear);
  stream.once("close", clear);
}

/** The preface that every HTTP/2 connection starts with (RFC 9113, 3.4) begins with a method that HTTP/1.1 lacks. */
const PREFACE = Buffer.from("PRI * HTTP/2.0");
const DECISIVE_BYTES = 3;

function peek(socket: Socket, timeoutMs: number, decided: (isHttp2: boolean) => void): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const chunks: Buffer[] = [];
  let length = 0;
  const onError = () => socket.destroy();
  const cleanUp = () => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("error", onError);
    socket.off("end", onEnd);
    socket.off("close", cleanUp);
  };
  const onEnd = () => {
    cleanUp();
    socket.destroy();
  };
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < DECISIVE_BYTES) return;
    cleanUp();
    socket.pause();
    const head = Buffer.concat(chunks, length);
    socket.unshift(head);
    decided(head.subarray(0, DECISIVE_BYTES).equals(PREFACE.subarray(0, DECISIVE_BYTES)));
    process.nextTick(() => socket.resume());
  };
  socket.on("data", onData);
  socket.on("error", onError);
  socket.on("end", onEnd);
  socket.on("close", cleanUp);
}

/** A page of the web client asks for dozens of files at once, and a school has one address. */
const PAGE: Target = {
  name: "GET page",
  module: "host",
  access: { ...edge("anyone"), rateLimit: { perSecond: 500, burst: 2_000 } },
  method: undefined,
};

function newRequestHandler(what: ServeOptions, { via, proxies }: ListenOptions, limits: ListenLimits): NodeHandler {
  const { chain, fallback } = what;
  const raw = { via, chain, remoteAddress: proxies.clientOf };
  const services = what.services.map((service) => service.service);
  const names = services.map((service) => service.typeName);
  const routes = [...probeRoutes(what), ...what.routes].filter(({ route }) => via === "internal" || !route.inside);
  return newConnectHandler({
    ...raw,
    messageTimeoutMs: limits.messageTimeoutMs,
    services: [
      ...what.services,
      healthService(what.state, names, edge("anyone")),
      // It tells of internal methods too, so it is told inside only.
      ...(via === "internal" ? [reflectionService(services, edge("anyone"))] : []),
    ],
    refuse: newRefusal(raw),
    fallback: newRawHandler(raw, newRouteTable(routes), fallback && { target: PAGE, handle: fallback }),
  });
}

function serveNothing(request: NodeRequest, response: NodeResponse): void {
  if (pathOf(request) === livenessRoute.path) sendText(response, 200, "ok");
  else sendText(response, 503, "starting");
}
