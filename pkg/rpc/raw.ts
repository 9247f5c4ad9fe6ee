/** Serves raw HTTP routes through the same chain as methods. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "#pkg/errors/errors";
import { hasLeft, onLeft } from "#pkg/http/caller";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import { edge } from "./access.ts";
import type { Call, Target } from "./call.ts";
import { certificateOf } from "./certificate.ts";
import type { Chain } from "./chain.ts";
import type { Blame } from "./conduct.ts";
import { httpStatusOf, toErrorJson } from "./error-map.ts";
import { errors } from "./errors.ts";
import type { RouteTable } from "./routes.ts";
import { ServerCall } from "./server-call.ts";

export interface RawOptions {
  readonly via: "public" | "internal";
  readonly chain: Chain;
  readonly remoteAddress: (request: NodeRequest) => string;
  readonly blame: Blame;
}

/** What is asked for where no route fits; one target for all, so that a stranger cannot make metrics or buckets. */
export const UNMATCHED: Target = { name: "unmatched", module: "host", access: edge("anyone"), method: undefined };

/** `fallback` serves what no route fits, as the target that it names; undefined answers 404. */
export function newRawHandler(
  options: RawOptions,
  routes: RouteTable,
  fallback: { readonly target: Target; readonly handle: NodeHandler } | undefined,
): NodeHandler {
  const refuse = newRefusal(options);
  return (request, response) => {
    const path = pathOf(request);
    const match = routes.find(request.method ?? "GET", path);
    if (match === "method") {
      refuse(request, response, UNMATCHED, errors.METHOD_NOT_ALLOWED(request.method ?? "", path), 405);
    } else if (match !== undefined) {
      const { bound, params } = match;
      // The http2 compatibility API has the same methods; handlers use what both have.
      run(options, request, response, bound.target, (call) =>
        bound.route.handle(request as IncomingMessage, response as ServerResponse, call, params),
      );
    } else if (fallback === undefined) {
      refuse(request, response, UNMATCHED, errors.TARGET_NOT_FOUND(path));
    } else {
      run(options, request, response, fallback.target, async () => {
        if (hasLeft(response)) return;
        const closed = new Promise<void>((resolve) => {
          onLeft(response, resolve);
        });
        fallback.handle(request, response);
        await closed;
      });
    }
  };
}

export type Refusal = (
  request: NodeRequest,
  response: NodeResponse,
  target: Target,
  error: AppError,
  status?: number,
) => void;

/** Answers with an error like any other call: counted, limited and logged. */
export function newRefusal(options: RawOptions): Refusal {
  return (request, response, target, error, status) =>
    run(options, request, response, target, () => Promise.reject(error), status);
}

function run(
  options: RawOptions,
  request: NodeRequest,
  response: NodeResponse,
  target: Target,
  handle: (call: Call) => Promise<void>,
  status?: number,
): void {
  const call = new ServerCall({
    target,
    transport: "http",
    via: options.via,
    peer: undefined,
    remoteAddress: options.remoteAddress(request),
    headers: request.headers as Readonly<Record<string, string>>,
    timeoutMs: undefined,
    certificate: () => certificateOf(request),
    source: () => closed(response),
    blame: (cost) => options.blame(request, cost),
  });
  let entered = false;
  options.chain
    .route(call, () => {
      entered = true;
      return handle(call);
    })
    .catch((error: unknown) => {
      if (hasLeft(response) || response.headersSent || !(error instanceof AppError)) response.destroy();
      else sendError(response, error, target.module, entered ? status : undefined);
    });
}

/** The path of a request without its query. */
export function pathOf(request: NodeRequest): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

/** Answers with an error in the JSON form of the Connect protocol. */
function sendError(response: NodeResponse, error: AppError, module: string, status?: number): void {
  const body = toErrorJson(error, module);
  response.statusCode = status ?? httpStatusOf(error.kind);
  response.setHeader("content-type", "application/json");
  response.setHeader("content-length", Buffer.byteLength(body));
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
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
