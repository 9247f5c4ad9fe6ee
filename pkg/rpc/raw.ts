/** Serves raw HTTP routes through the same chain as methods. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "#pkg/errors/errors";
import { hasLeft, onLeft } from "#pkg/http/caller";
import type { NodeRequest, NodeResponse } from "#pkg/http/node";
import type { Chain } from "./chain.ts";
import { httpStatusOf, toErrorJson } from "./error-map.ts";
import { methodNotAllowed, targetNotFound } from "./errors.ts";
import type { RouteTable } from "./routes.ts";
import { ServerCall } from "./server-call.ts";

export interface RawOptions {
  readonly via: "public" | "internal";
  readonly chain: Chain;
  readonly routes: RouteTable;
  readonly remoteAddress: (request: NodeRequest) => string;
  /** What is served where no route fits; undefined answers 404. */
  readonly fallback: ((request: NodeRequest, response: NodeResponse) => void) | undefined;
}

export function newRawHandler(options: RawOptions): (request: NodeRequest, response: NodeResponse) => void {
  return (request, response) => {
    const path = pathOf(request);
    const match = options.routes.find(request.method ?? "GET", path);
    if (match === "method") {
      return sendError(response, methodNotAllowed(request.method ?? "", path), "host", 405);
    }
    if (match === undefined) {
      if (options.fallback !== undefined) return options.fallback(request, response);
      return sendError(response, targetNotFound(path), "host");
    }
    const { bound, params } = match;
    const call = new ServerCall({
      target: bound.target,
      transport: "http",
      via: options.via,
      peer: undefined,
      remoteAddress: options.remoteAddress(request),
      headers: request.headers as Readonly<Record<string, string>>,
      timeoutMs: undefined,
      source: () => closed(response),
    });
    options.chain
      .route(call, async () => {
        // The http2 compatibility API has the same methods; handlers use what both have.
        await bound.route.handle(request as IncomingMessage, response as ServerResponse, call, params);
      })
      .catch((error: unknown) => {
        if (hasLeft(response) || response.headersSent) response.destroy();
        else if (error instanceof AppError) sendError(response, error, bound.target.module);
        else response.destroy();
      });
    return undefined;
  };
}

/** The path of a request without its query. */
export function pathOf(request: NodeRequest): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

/** Answers with an error in the JSON form of the Connect protocol. */
export function sendError(response: NodeResponse, error: AppError, module: string, status?: number): void {
  const body = toErrorJson(error, module);
  response.statusCode = status ?? httpStatusOf(error.kind);
  response.setHeader("content-type", "application/json");
  response.setHeader("content-length", Buffer.byteLength(body));
  response.setHeader("cache-control", "no-store");
  if (error.retryAfterMs !== undefined) {
    response.setHeader("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
  }
  response.end(body);
}

/** Aborted when the client closes before the response is complete. */
function closed(response: NodeResponse): AbortSignal {
  const controller = new AbortController();
  if (hasLeft(response)) controller.abort();
  onLeft(response, () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
