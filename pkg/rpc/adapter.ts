/** Serves open services over Connect, gRPC and gRPC-Web by connect-node, each call through our chain. */

import type { DescService, Message } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { AppError } from "#pkg/errors/errors";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import type { Call } from "./call.ts";
import type { Chain } from "./chain.ts";
import { toConnectError } from "./error-map.ts";
import type { LocalMethod, LocalService } from "./local.ts";
import { ServerCall } from "./server-call.ts";
import { parseTimeout } from "./steps/deadline.ts";

/** No message of ours is near these; uploads do not travel by RPC. Memory is held before it is known who calls. */
const MAX_MESSAGE_BYTES = { public: 1024 * 1024, internal: 4 * 1024 * 1024 };

const nodeRequest = createContextKey<NodeRequest | undefined>(undefined);

export interface AdapterOptions {
  readonly via: "public" | "internal";
  readonly chain: Chain;
  readonly services: readonly LocalService[];
  /** Registers what does not pass the chain: health and reflection. */
  readonly extra: (router: ConnectRouter) => void;
  readonly remoteAddress: (request: NodeRequest) => string;
  readonly fallback: (request: NodeRequest, response: NodeResponse) => void;
}

export function newConnectHandler(options: AdapterOptions): NodeHandler {
  return connectNodeAdapter({
    readMaxBytes: MAX_MESSAGE_BYTES[options.via],
    // Brotli at connect-node's default level costs more time than it saves on messages of this size.
    acceptCompression: [compressionGzip],
    contextValues: (request) => createContextValues().set(nodeRequest, request),
    fallback: (request, response) => options.fallback(request, response as NodeResponse),
    routes(router) {
      for (const service of options.services) {
        router.service(service.service, implementationOf(service, options) as ServiceImpl<DescService>);
      }
      options.extra(router);
    },
  });
}

function implementationOf(service: LocalService, options: AdapterOptions): Record<string, unknown> {
  const implementation: Record<string, unknown> = {};
  for (const method of service.methods.values()) {
    implementation[method.target.method.localName] =
      method.kind === "unary"
        ? async (request: Message, context: HandlerContext) => {
            const call = openCall(method, context, options);
            try {
              const response = await options.chain.unary(call, request, method.handle);
              setHeaders(call, context);
              return response;
            } catch (error) {
              throw toWire(error, service.module);
            }
          }
        : async function* (request: Message, context: HandlerContext) {
            const call = openCall(method, context, options);
            try {
              let first = true;
              for await (const message of options.chain.stream(call, request, method.handle)) {
                if (first) setHeaders(call, context);
                first = false;
                yield message;
              }
            } catch (error) {
              throw toWire(error, service.module);
            }
          };
  }
  return implementation;
}

function openCall(method: LocalMethod, context: HandlerContext, options: AdapterOptions): ServerCall {
  const request = context.values.get(nodeRequest);
  const headers = (request?.headers ?? {}) as Readonly<Record<string, string>>;
  return new ServerCall({
    target: method.target,
    transport: context.protocolName as Call["transport"],
    via: options.via,
    peer: undefined,
    remoteAddress: request === undefined ? "" : options.remoteAddress(request),
    headers,
    timeoutMs: parseTimeout(headers),
    source: () => context.signal,
  });
}

function setHeaders(call: ServerCall, context: HandlerContext): void {
  for (const name in call.responseHeaders) {
    const value = call.responseHeaders[name];
    if (value !== undefined) context.responseHeader.set(name, value);
  }
}

function toWire(error: unknown, module: string): unknown {
  return error instanceof AppError ? toConnectError(error, module) : error;
}
