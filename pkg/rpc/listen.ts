/** One port for everything: Connect, gRPC, gRPC-Web, raw HTTP routes, health; HTTP/1.1 and HTTP/2 on clear text. */

import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  constants,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Bucket } from "#pkg/cache/bucket";
import { hasLeft } from "#pkg/http/caller";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import type { Logger, Metrics } from "#pkg/obs/obs";
import { edge } from "./access.ts";
import { newConnectHandler } from "./adapter.ts";
import type { Target } from "./call.ts";
import type { Chain } from "./chain.ts";
import type { Blame } from "./conduct.ts";
import { type Connection, type ConnectionLimits, Connections } from "./connections.ts";
import { healthService } from "./health.ts";
import type { LocalService } from "./local.ts";
import { livenessRoute, type ProbeOptions, probeRoutes, sendText } from "./probes.ts";
import type { Proxies } from "./proxies.ts";
import { newRawHandler, newRefusal, pathOf } from "./raw.ts";
import { reflectionService } from "./reflection.ts";
import { type BoundRoute, newRouteTable } from "./routes.ts";
import { Turns } from "./turns.ts";

export interface ListenLimits extends ConnectionLimits {
  /** A whole request, its body included; uploads of large parts over slow lines need minutes. */
  readonly requestTimeoutMs: number;
  /** The message of a call by RPC; nobody may hold memory for minutes with one that does not end. */
  readonly messageTimeoutMs: number;
}

export const DEFAULT_LIMITS: ListenLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 900_000,
  messageTimeoutMs: 30_000,
  idleTimeoutMs: 65_000,
  stallTimeoutMs: 120_000,
  maxConnections: 10_000,
  maxConnectionsPerNetwork: 500,
  maxRefusalsPerNetwork: 60,
  maxStreamsPerConnection: 256,
  streamResetBurst: 200,
  streamResetRate: 33,
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
  let proxyTold = false;
  const handle: NodeHandler = (request, response) => {
    if (!proxyTold && isPublic && request.headers["x-forwarded-for"] !== undefined) {
      const { remoteAddress = "" } = request.socket;
      proxyTold = !isTrusted(remoteAddress);
      if (proxyTold) options.log.warn({ remoteAddress }, UNTRUSTED_PROXY);
    }
    try {
      serving(request, response);
    } catch (error) {
      options.log.error({ err: error }, "request handler failed");
      response.destroy();
    }
  };
  const isPublic = options.via === "public";
  // Every module of a machine has the same address, and each has proved itself.
  const isTrusted = isPublic ? options.proxies.isTrusted : () => true;
  const connections = new Connections({
    limits,
    isTrusted,
    closed: options.metrics.counter("listener_connections_closed_total", "Connections that the listener closed", [
      "why",
    ]),
  });
  const connectionOf = new WeakMap<Socket | Http2Session | NodeRequest, Connection>();
  const turns = new Turns();
  /** A trusted proxy's connection carries the requests of many people, and takes no turns. */
  const inTurn = (connection: Connection | undefined, request: NodeRequest, response: NodeResponse) => {
    // A client that breaks off is no news; without listeners it would end the process.
    request.on("error", () => {});
    response.on("error", () => {});
    if (connection !== undefined) connectionOf.set(request, connection);
    if (connection?.network === undefined) return handle(request, response);
    turns.take(connection.network, () => {
      // Nothing begins for a caller that has gone while it waited, or is to go.
      const isWanted = connection.doomedAtMs === undefined && !hasLeft(response);
      if (isWanted) handle(request, response);
      else if ("stream" in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return isWanted;
    });
  };
  const blame: Blame = (request, cost) => {
    const connection = connectionOf.get(request);
    if (connection !== undefined) connections.blame(connection, cost);
  };
  let closing = false;

  const http1 = createHttp1Server({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    // Those that are late are answered and closed at each look: often, so that they are few.
    connectionsCheckingInterval: Math.min(250, limits.headersTimeoutMs),
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const connection = connectionOf.get(request.socket);
    if (connection !== undefined) {
      response.once("close", () => connections.end(connection, response));
      if (!connections.begin(connection, response)) return;
    }
    if (closing) response.setHeader("connection", "close");
    inTurn(connection, request, response);
  };
  // Node would answer what expects something by itself, past all limits.
  for (const event of ["request", "checkExpectation"]) http1.on(event, onRequest);
  // Node starts its check for slow requests when the server listens; this one is handed its sockets instead.
  http1.emit("listening");

  const newHttp2 = (factor: number) => {
    const http2 = createHttp2Server({
      settings: { maxConcurrentStreams: limits.maxStreamsPerConnection },
      streamResetBurst: limits.streamResetBurst * factor,
      streamResetRate: limits.streamResetRate * factor,
    });
    const onRequest = (request: Http2ServerRequest, response: Http2ServerResponse) => {
      const { stream } = request;
      const connection = stream.session && connectionOf.get(stream.session);
      // What comes before the client has read that it must go.
      if (connection?.doomedAtMs !== undefined) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      else inTurn(connection, request, response);
    };
    // Node would answer tunnels and what expects something by itself, past all limits.
    for (const event of ["request", "connect", "checkExpectation"]) http2.on(event, onRequest);
    http2.on("sessionError", (error) => options.log.debug({ err: error }, "http2 session failed"));
    return http2;
  };
  /** A proxy's connection carries many people, who give up as often as many people do. */
  const http2 = { people: newHttp2(1), proxies: newHttp2(PEOPLE_OF_PROXY) };

  /** The session hides its socket, so it is told apart while it is made: that happens before `emit` returns. */
  function startHttp2(connection: Connection): void {
    const server = connection.network === undefined ? http2.proxies : http2.people;
    server.once("session", (session) => {
      connections.speaks(connection, session);
      connectionOf.set(session, connection);
      // Before the server's own, which answers at once what it refuses.
      session.prependListener("stream", (stream) => {
        stream.once("close", () => {
          connections.end(connection, stream);
          const isReset = stream.rstCode === constants.NGHTTP2_CANCEL && !stream.headersSent;
          // Node says the same of every stream of a connection that breaks.
          if (isReset && !session.destroyed && !connection.socket.destroyed) connections.reset(connection);
        });
        if (connections.begin(connection, stream)) limitBody(stream, limits.requestTimeoutMs);
      });
      session.on("error", (error: NodeJS.ErrnoException) => {
        if (BROKEN.has(error.code)) connections.broken(connection);
      });
    });
    server.emit("connection", connection.socket);
  }

  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    const connection = connections.admit(socket);
    if (connection === undefined) return;
    connectionOf.set(socket, connection);
    // One that breaks closes by itself; without a listener, also between its two owners, it would end the process.
    socket.on("error", () => {});
    peek(socket, limits.headersTimeoutMs, (head, again) => {
      if (!head.subarray(0, DECISIVE_BYTES).equals(PREFACE.subarray(0, DECISIVE_BYTES))) {
        return () => http1.emit("connection", socket);
      }
      const says = heard(head);
      if (says === "flood") return () => connections.broken(connection);
      if (says === "question" || connections.maySpeakFirst(connection, again)) return () => startHttp2(connection);
      return undefined;
    });
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
  // Such as for want of descriptors; those that are refused now come again.
  server.on("error", (error) => options.log.error({ err: error }, "a connection was not accepted"));
  const { port } = server.address() as AddressInfo;

  return {
    host: options.host,
    port,
    serve(what) {
      serving = newRequestHandler(what, options, limits, blame);
    },
    async drain(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      connections.closeIdle();
      const timer = setTimeout(() => connections.destroyAll(), graceMs);
      // A connection that becomes idle while others still work closes with its last response.
      const idle = setInterval(() => connections.closeIdle(), 50);
      await closed;
      clearTimeout(timer);
      clearInterval(idle);
      connections.stop();
      for (const server of [http1, http2.people, http2.proxies]) server.close();
    },
  };
}

/** As many people as a proxy's connection is taken to carry. */
const PEOPLE_OF_PROXY = 100;

/** What nghttp2 says of a client that breaks the rules; what the client says when it goes is none of it. */
const BROKEN: ReadonlySet<string | undefined> = new Set(["ERR_HTTP2_ERROR", "ERR_HTTP2_TOO_MANY_INVALID_FRAMES"]);

const UNTRUSTED_PROXY =
  "requests come through a proxy that is not in TRUSTED_PROXIES: all who use it share the limits of one network";

/** Connections that the kernel keeps while we are busy: a burst of strangers must not shut others out for a second. */
const BACKLOG = 4_096;

/** Breaks off a stream whose request has not come in whole by then, as HTTP/1.1's request time-out does. */
function limitBody(stream: ServerHttp2Stream, timeoutMs: number): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM), timeoutMs);
  const clear = () => clearTimeout(timer);
  stream.once("end", clear);
  stream.once("close", clear);
}

/** The preface that every HTTP/2 connection starts with (RFC 9113, 3.4) begins with a method that HTTP/1.1 lacks. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const DECISIVE_BYTES = 3;
/** A frame's head: its length in 3 bytes, its type, flags, a stream (RFC 9113, 4.1). */
const FRAME_HEAD_BYTES = 9;
const HEADERS = 0x01;
/** More than a client has to say before it asks something: settings, windows, pings. */
const MAX_TALK_BYTES = 1_024;
/** More than the headers of a request. */
const MAX_HEADERS_BYTES = 64 * 1024;

/** What the first bytes of an HTTP/2 connection are: a question once they hold the HEADERS of one. */
function heard(head: Buffer): "talk" | "question" | "flood" {
  let at = PREFACE.length;
  while (at + FRAME_HEAD_BYTES <= head.length && at <= MAX_TALK_BYTES) {
    const end = at + FRAME_HEAD_BYTES + head.readUIntBE(at, 3);
    if (head[at + 3] === HEADERS && end - at > MAX_HEADERS_BYTES) return "flood";
    if (head[at + 3] === HEADERS) return end <= head.length ? "question" : "talk";
    at = end;
  }
  return at > MAX_TALK_BYTES ? "flood" : "talk";
}

/**
 * `decide` says from the first bytes what to do with the connection; undefined until it can be said, for which it is asked
 * again when more has come, or when it calls `again` itself.
 */
function peek(
  socket: Socket,
  timeoutMs: number,
  decide: (head: Buffer, again: () => void) => (() => void) | undefined,
): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  let head: Buffer = Buffer.alloc(0);
  const cleanUp = () => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("close", cleanUp);
  };
  const onEnd = () => {
    cleanUp();
    socket.destroy();
  };
  const onData = (chunk: Buffer) => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    look();
  };
  const look = () => {
    if (socket.destroyed) return;
    const decided = head.length < DECISIVE_BYTES ? undefined : decide(head, look);
    if (decided === undefined) return;
    cleanUp();
    socket.pause();
    socket.unshift(head);
    decided();
    process.nextTick(() => socket.resume());
  };
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("close", cleanUp);
}

/** Balancers ask once a second, and watch each service. */
const HEALTH: Bucket = { perSecond: 20, burst: 40 };

/** A page of the web client asks for dozens of files at once, and a school has one address. */
const PAGE: Target = {
  name: "GET page",
  module: "host",
  access: { ...edge("anyone"), rateLimit: { perSecond: 500, burst: 2_000 } },
  method: undefined,
};

function newRequestHandler(
  what: ServeOptions,
  { via, proxies }: ListenOptions,
  limits: ListenLimits,
  blame: Blame,
): NodeHandler {
  const { chain, fallback } = what;
  const raw = { via, chain, remoteAddress: proxies.clientOf, blame };
  const services = what.services.map((service) => service.service);
  const names = services.map((service) => service.typeName);
  const routes = [...probeRoutes(what), ...what.routes].filter(({ route }) => via === "internal" || !route.inside);
  return newConnectHandler({
    ...raw,
    messageTimeoutMs: limits.messageTimeoutMs,
    services: [
      ...what.services,
      healthService(what.state, names, { ...edge("anyone"), rateLimit: HEALTH }),
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
