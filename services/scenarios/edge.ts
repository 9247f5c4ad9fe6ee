/** The edge in front of modules in processes of their own: one origin, routed by what the modules declare. */

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import type { Module } from "#pkg/app/module";
import { accessOf, methodName } from "#pkg/rpc/access";
import type { RouteDeclaration } from "#pkg/rpc/call";
import { bindRoute, newRouteTable } from "#pkg/rpc/routes";

export interface EdgeOptions {
  readonly modules: readonly Module[];
  readonly port: number;
  /** Port of a module's public listener. */
  readonly portOf: (module: string) => number;
  /** The module whose process serves the web client. */
  readonly web: string;
}

export interface Edge extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Closes the connections to modules that nothing is asked on. */
  closeIdle(): void;
}

export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const agent = new Agent({ keepAlive: true });
  const moduleOf = newRouting(options);
  const server = createServer((incoming, outgoing) => {
    const module = moduleOf(incoming.method ?? "GET", incoming.url ?? "/");
    if (module === undefined) return void outgoing.writeHead(404).end();
    forward(incoming, outgoing, agent, options.portOf(module));
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${options.port}`,
    closeIdle() {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}

/** Only what the contracts and routes mark as edge has a way in; everything else is the web client's. */
function newRouting({ modules, web }: EdgeOptions): (method: string, url: string) => string | undefined {
  const methods = new Map(
    modules.flatMap((module) =>
      module.serves.flatMap((service) =>
        service.methods.map((method): [string, string | undefined] => [
          `/${methodName(method)}`,
          accessOf(method).exposure === "edge" ? module.name : undefined,
        ]),
      ),
    ),
  );
  const declared = modules.flatMap((module) => [
    ...module.routes.map((route) => ({ module: module.name, route })),
    ...(module.issuer === undefined
      ? []
      : [{ module: module.name, route: anyones("GET", `/.well-known/jwks/${module.issuer}.json`) }]),
  ]);
  // Parts go to the store of originals, whose URLs its only writer signs.
  const uploads = modules.find((module) => module.name === "ingestion");
  if (uploads !== undefined) declared.push({ module: uploads.name, route: anyones("PUT", "/blobs/{rest...}") });
  const table = newRouteTable(
    declared
      .filter(({ route }) => route.access.exposure === "edge")
      .map(({ module, route }) => bindRoute(module, { ...route, handle: async () => undefined })),
  );
  return (method, url) => {
    const path = url.split("?")[0] ?? "/";
    if (methods.has(path)) return methods.get(path);
    const found = table.find(method, path);
    if (found === "method" || found === undefined) return path.startsWith("/matinee.") ? undefined : web;
    return found.bound.target.module;
  };
}

function anyones(method: "GET" | "PUT", path: string): RouteDeclaration {
  return {
    method,
    path,
    access: { exposure: "edge", principals: ["anyone"], permissions: [], callers: [], rateLimit: undefined },
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, agent: Agent, port: number): void {
  const headers = {
    ...incoming.headers,
    "x-forwarded-for": incoming.socket.remoteAddress ?? "",
    "x-forwarded-proto": "http",
  };
  const upstream = request({ host: "127.0.0.1", port, method: incoming.method, path: incoming.url, headers, agent });
  upstream.on("response", (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    // A stream's first message must not wait for its second.
    outgoing.flushHeaders();
    pipeline(answer, outgoing, () => {});
  });
  upstream.on("error", () => {
    if (outgoing.headersSent) return void outgoing.destroy();
    outgoing.writeHead(503, { "content-type": "text/plain" }).end("the module does not answer\n");
  });
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) upstream.destroy();
  });
  pipeline(incoming, upstream, () => {});
}
