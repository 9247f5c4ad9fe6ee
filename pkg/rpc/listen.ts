/** One port for everything: Connect, gRPC, gRPC-Web, raw HTTP routes, health; HTTP/1.1 and HTTP/2 on clear text. */

import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, BlockList, createServer, isIPv6, type Socket } from "node:net";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import type { Logger } from "#pkg/obs/obs";
import { newConnectHandler } from "./adapter.ts";
import type { Chain } from "./chain.ts";
import { draining } from "./errors.ts";
import { type ServingState, serveHealth } from "./health.ts";
import type { LocalService } from "./local.ts";
import { newRawHandler, pathOf } from "./raw.ts";
import { serveReflection } from "./reflection.ts";
import { type BoundRoute, newRouteTable } from "./routes.ts";

export interface ListenLimits {
  /** A client must have sent its headers by then; also how long the first bytes may take. */
  readonly headersTimeoutMs: number;
  /** A whole request, its body included; uploads of large parts over slow lines need minutes. */
  readonly requestTimeoutMs: number;
  /** The message of a call by RPC; nobody may hold memory for minutes with one that does not end. */
  readonly messageTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxStreamsPerConnection: number;
  /** Streams that one HTTP/2 connection may reset at once and per second (CVE-2023-44487). */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
}

export const DEFAULT_LIMITS: ListenLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 900_000,
  messageTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  maxConnections: 10_000,
  maxStreamsPerConnection: 256,
  streamResetBurst: 1_000,
  streamResetRate: 100,
};

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log: Logger;
  readonly limits?: Partial<ListenLimits>;
}

/** What a listener serves once everything is open. */
export interface ServeOptions {
  /** Public: no identity is believed but tokens. Internal: the peer proves its module. */
  readonly via: "public" | "internal";
  readonly chain: Chain;
  readonly services: readonly LocalService[];
  readonly routes: readonly BoundRoute[];
  readonly state: ServingState;
  /** Throws while something that the process needs is missing; its message is shown at `/readyz`. */
  readonly ready: () => Promise<void>;
  /** Prometheus text at `/metrics`; undefined where it is not shown. */
  readonly metrics: (() => Promise<string>) | undefined;
  readonly fallback: NodeHandler | undefined;
  /** Addresses and CIDR ranges of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly log: Logger;
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
      // connect-node throws for a Host header that is no authority.
      options.log.debug({ err: error }, "request refused");
      sendText(response, 400, "bad request");
    }
  };
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;

  const http1 = createHttp1Server(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    (request, response) => {
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
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  http2.on("sessionError", (error) => options.log.debug({ err: error }, "http2 session failed"));

  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    peek(socket, limits.headersTimeoutMs, (isHttp2) => (isHttp2 ? http2 : http1).emit("connection", socket));
  });
  server.maxConnections = limits.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;

  return {
    host: options.host,
    port,
    serve(what) {
      serving = newRequestHandler(what, limits.messageTimeoutMs);
    },
    async drain(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const session of sessions) session.close();
      http1.closeIdleConnections();
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      // A connection that becomes idle while others still work closes with its last response.
      const idle = setInterval(() => http1.closeIdleConnections(), 50);
      await closed;
      clearTimeout(timer);
      clearInterval(idle);
      http1.close();
      http2.close();
    },
  };
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

function newRequestHandler(options: ServeOptions, messageTimeoutMs: number): NodeHandler {
  const remoteAddress = newRemoteAddress(options.trustedProxies);
  const raw = newRawHandler({
    via: options.via,
    chain: options.chain,
    routes: newRouteTable(options.routes),
    remoteAddress,
    fallback: options.fallback,
  });
  const services = options.services.map((service) => service.service);
  const names = new Set(services.map((service) => service.typeName));
  const rpc = newConnectHandler({
    via: options.via,
    chain: options.chain,
    services: options.services,
    remoteAddress,
    fallback: raw,
    extra(router) {
      serveHealth(
        router,
        options.state,
        services.map((service) => service.typeName),
      );
      serveReflection(router, services);
    },
  });
  return (request, response) => {
    const path = pathOf(request);
    if (path === "/healthz") return sendText(response, 200, "ok");
    if (path === "/readyz") return void sendReady(options, response);
    if (path === "/metrics" && options.metrics !== undefined) return void sendMetrics(options.metrics, response);
    if (names.has(path.slice(1, path.lastIndexOf("/")))) limitMessage(request, messageTimeoutMs);
    return rpc(request, response);
  };
}

/** Breaks off a request whose body has not come in by then. */
function limitMessage(request: NodeRequest, timeoutMs: number): void {
  const timer = setTimeout(() => request.destroy(), timeoutMs);
  const clear = () => clearTimeout(timer);
  request.once("end", clear);
  request.once("close", clear);
}

function serveNothing(request: NodeRequest, response: NodeResponse): void {
  if (pathOf(request) === "/healthz") sendText(response, 200, "ok");
  else sendText(response, 503, "starting");
}

function sendText(response: NodeResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.setHeader("cache-control", "no-store");
  response.end(`${text}\n`);
}

async function sendReady(options: ServeOptions, response: NodeResponse): Promise<void> {
  try {
    if (!options.state.serving) throw draining();
    await options.ready();
    sendText(response, 200, "ready");
  } catch (error) {
    sendText(response, 503, error instanceof Error ? error.message : "not ready");
  }
}

async function sendMetrics(print: () => Promise<string>, response: NodeResponse): Promise<void> {
  try {
    sendText(response, 200, await print());
  } catch {
    sendText(response, 500, "metrics failed");
  }
}

/** The client's address: the last one in X-Forwarded-For that no trusted proxy has, where the socket is one's. */
function newRemoteAddress(trustedProxies: readonly string[]): (request: NodeRequest) => string {
  if (trustedProxies.length === 0) return (request) => request.socket.remoteAddress ?? "";
  const trusted = new BlockList();
  for (const entry of trustedProxies) {
    const [address = "", prefix] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return (request) => {
    const own = request.socket.remoteAddress ?? "";
    if (!isTrusted(own)) return own;
    const header = request.headers["x-forwarded-for"];
    const forwarded = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",").map((part) => part.trim());
    return forwarded.findLast((address) => address !== "" && !isTrusted(address)) ?? own;
  };
}
