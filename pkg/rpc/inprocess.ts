/** Calls between modules of one process: serialized both ways and through the same chain as any other. */

import { create, type DescMessage, type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { AppError } from "#pkg/errors/errors";
import { currentTraceparent } from "#pkg/obs/trace";
import type { Chain } from "./chain.ts";
import { withoutCause } from "./error-map.ts";
import { errors } from "./errors.ts";
import { headerRecord } from "./headers.ts";
import type { LocalMethod, LocalService } from "./local.ts";
import { ServerCall } from "./server-call.ts";

export interface InProcessOptions {
  /** The calling module; undefined for a test that calls from outside. */
  readonly caller: string | undefined;
  /** Looked up at call time, since modules open one after another. */
  readonly find: (service: string) => LocalService | undefined;
  readonly chain: Chain;
}

export function newInProcessTransport(options: InProcessOptions): Transport {
  function open(
    method: DescMethod,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
  ): { readonly local: LocalMethod; readonly call: ServerCall } {
    const service = options.find(method.parent.typeName);
    if (service === undefined) throw errors.PEER_UNAVAILABLE(method.parent.typeName);
    const local = service.methods.get(method.name);
    if (local === undefined) throw errors.TARGET_NOT_FOUND(`${method.parent.typeName}/${method.name}`);
    const headers = headerRecord(header);
    const traceparent = headers.traceparent ?? currentTraceparent();
    const call = new ServerCall({
      target: local.target,
      transport: "inprocess",
      via: "inprocess",
      peer: options.caller,
      remoteAddress: "",
      headers: traceparent === undefined ? headers : { ...headers, traceparent },
      timeoutMs,
      certificate: () => undefined,
      source: () => signal,
    });
    // A caller that goes away ends its call even where the handler never asks for the signal.
    if (signal !== undefined) void call.signal;
    return { local, call };
  }

  return {
    async unary(method, signal, timeoutMs, header, input) {
      const { local, call } = open(method, signal, timeoutMs, header);
      if (local.kind !== "unary") throw errors.TARGET_NOT_FOUND(local.target.name);
      try {
        const response = await options.chain.unary(call, () => copy(method.input, input), local.handle);
        return {
          stream: false,
          service: method.parent,
          method,
          header: new Headers(call.responseHeaders),
          trailer: new Headers(),
          message: copy(method.output, response) as never,
        };
      } catch (error) {
        throw asCaller(error);
      }
    },
    async stream(method, signal, timeoutMs, header, input) {
      const { local, call } = open(method, signal, timeoutMs, header);
      if (local.kind !== "server_streaming") throw errors.TARGET_NOT_FOUND(local.target.name);
      const { handle } = local;
      const read = async () => copy(method.input, await only(input));
      async function* messages() {
        try {
          for await (const message of options.chain.stream(call, read, handle)) {
            yield copy(method.output, message) as never;
          }
        } catch (error) {
          throw asCaller(error);
        }
      }
      return {
        stream: true,
        service: method.parent,
        method,
        header: new Headers(call.responseHeaders),
        trailer: new Headers(),
        message: messages(),
      };
    },
  };
}

/** What the wire would make of a message: the same fields in new objects, unknown ones kept. */
function copy(desc: DescMessage, init: unknown): Message {
  return fromBinary(desc, toBinary(desc, create(desc, init as never)));
}

async function only(input: AsyncIterable<unknown>): Promise<unknown> {
  for await (const message of input) return message;
  throw new Error("a server stream takes one request");
}

function asCaller(error: unknown): unknown {
  return error instanceof AppError ? withoutCause(error) : error;
}
