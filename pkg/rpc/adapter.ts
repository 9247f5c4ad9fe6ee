/** Serves open services over Connect, gRPC and gRPC-Web by connect-node, each call through our chain. */

import type { DescService, Message } from "@bufbuild/protobuf";
import {
  type ConnectError,
  type ContextValues,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { hasLeft } from "#pkg/http/caller";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import { errors } from "./errors.ts";
import { Exchange, type ExchangeOptions } from "./exchange.ts";
import type { LocalMethod, LocalService } from "./local.ts";
import { type Refusal, UNMATCHED } from "./raw.ts";

/** No message of ours is near these; uploads do not travel by RPC. */
const MAX_MESSAGE_BYTES = { public: 1024 * 1024, internal: 4 * 1024 * 1024 };

/** Trailers leave after the end of a response was reported. */
const TRAILERS_MS = 200;

export interface AdapterOptions extends Omit<ExchangeOptions, "maxMessageBytes"> {
  readonly services: readonly LocalService[];
  /** Answers what is no call of a method that it was sent to, through the chain. */
  readonly refuse: Refusal;
  readonly fallback: NodeHandler;
}

interface Served {
  readonly method: LocalMethod;
  readonly handler: UniversalHandler;
}

const currentExchange = createContextKey<Exchange | undefined>(undefined);
const refusal = createContextKey<ConnectError | undefined>(undefined);

export function newConnectHandler(options: AdapterOptions): NodeHandler {
  const exchangeOptions = { ...options, maxMessageBytes: MAX_MESSAGE_BYTES[options.via] };
  const router = createConnectRouter({
    readMaxBytes: exchangeOptions.maxMessageBytes,
    // Brotli at connect-node's default level costs more time than it saves on messages of this size.
    acceptCompression: [compressionGzip],
    requestGate(context) {
      const refused = context.values.get(refusal);
      if (refused !== undefined) throw refused;
      return exchangeOf(context).gate(context);
    },
  });
  const methods = new Map<string, LocalMethod>();
  for (const service of options.services) {
    router.service(service.service, implementationOf(service) as ServiceImpl<DescService>);
    for (const method of service.methods.values()) methods.set(`/${method.target.name}`, method);
  }
  const served = new Map<string, Served>();
  for (const handler of router.handlers) {
    const method = methods.get(handler.requestPath);
    if (method !== undefined) served.set(handler.requestPath, { method, handler });
  }

  return (request, response) => {
    const url = request.url ?? "";
    const query = url.indexOf("?");
    const found = served.get(query === -1 ? url : url.slice(0, query));
    if (found === undefined) return options.fallback(request, response);
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-content-type-options", "nosniff");
    const exchange = new Exchange(found.method, request, exchangeOptions);
    // A caller that has gone cannot be answered, and its call has been told.
    answer(found, exchange, request, response, options).catch(() => response.destroy());
  };
}

async function answer(
  { method, handler }: Served,
  exchange: Exchange,
  request: NodeRequest,
  response: NodeResponse,
  options: AdapterOptions,
): Promise<void> {
  const ask = (values: ContextValues) => {
    const universal = universalRequestFromNodeRequest(request, response, undefined, values);
    exchange.left ??= universal.signal;
    return handler({ ...universal, body: exchange.body() });
  };
  let result: Awaited<ReturnType<UniversalHandler>>;
  try {
    result = await ask(createContextValues().set(currentExchange, exchange));
  } catch {
    // connect-node throws for a Host header that is no authority.
    return options.refuse(request, response, UNMATCHED, errors.REQUEST_MALFORMED());
  }
  if (!exchange.called) {
    // Neither the method of HTTP nor the content type is one of a protocol that we speak.
    const wrongMethod = result.status === 405;
    const error = wrongMethod
      ? errors.METHOD_NOT_ALLOWED(request.method ?? "", handler.requestPath)
      : errors.MEDIA_TYPE_UNSUPPORTED();
    return options.refuse(request, response, method.target, error, result.status);
  }
  // connect-node's own answer to what it cannot read quotes its parser; the same protocol says ours instead.
  const failure = await exchange.failure();
  if (hasLeft(response)) return;
  if (failure !== undefined) result = await ask(createContextValues().set(refusal, failure));
  if (!exchange.handled && !request.complete) leaveBody(request, response);
  await universalResponseToNodeResponse(result, response);
}

/** What is left of a refused body is not waited for: HTTP/1.1 would read it to its end before the next request. */
function leaveBody(request: NodeRequest, response: NodeResponse): void {
  if (!("stream" in request)) {
    response.setHeader("connection", "close");
    return;
  }
  const { stream } = request;
  stream.once("finish", () => setTimeout(() => stream.close(), TRAILERS_MS));
}

function exchangeOf(context: HandlerContext): Exchange {
  const exchange = context.values.get(currentExchange);
  if (exchange === undefined) throw new Error("a call came without its exchange");
  return exchange;
}

function implementationOf(service: LocalService): Record<string, unknown> {
  const implementation: Record<string, unknown> = {};
  for (const { kind, target } of service.methods.values()) {
    implementation[target.method.localName] = {
      unary: (request: Message, context: HandlerContext) => exchangeOf(context).unary(request, context),
      server_streaming: (request: Message, context: HandlerContext) => exchangeOf(context).stream(request, context),
      bidi_streaming: (requests: AsyncIterable<Message>, context: HandlerContext) =>
        exchangeOf(context).duplex(requests, context),
    }[kind];
  }
  return implementation;
}
