/**
 * One RPC that came over HTTP, between connect-node, which speaks the protocols, and our chain. connect-node asks the
 * gate before it touches the body; the chain's steps that see headers run there, and the message is read only when the
 * chain asks for it.
 */

import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { AppError } from "#pkg/errors/errors";
import type { NodeRequest } from "#pkg/http/node";
import type { Call } from "./call.ts";
import { certificateOf } from "./certificate.ts";
import type { Chain } from "./chain.ts";
import type { Blame } from "./conduct.ts";
import { toConnectError } from "./error-map.ts";
import { errors } from "./errors.ts";
import type { LocalMethod } from "./local.ts";
import { ServerCall } from "./server-call.ts";
import { parseTimeout } from "./steps/deadline.ts";

export interface ExchangeOptions {
  readonly via: "public" | "internal";
  readonly chain: Chain;
  readonly remoteAddress: (request: NodeRequest) => string;
  readonly blame: Blame;
  readonly maxMessageBytes: number;
  /** How long a message may take to come in. */
  readonly messageTimeoutMs: number;
}

/** How a message says that it is compressed: Connect unary, Connect streaming, gRPC. */
const ENCODING_HEADERS = ["content-encoding", "connect-content-encoding", "grpc-encoding"] as const;

export class Exchange {
  readonly #method: LocalMethod;
  readonly #request: NodeRequest;
  readonly #options: ExchangeOptions;
  readonly #message = Promise.withResolvers<Message | undefined>();
  #state: "arrived" | "reading" | "handling" = "arrived";
  #call: ServerCall | undefined;
  #context: HandlerContext | undefined;
  /** What the chain makes of the call: a response, or the first message of a stream. */
  #result: Promise<unknown> = Promise.resolve();
  #incoming: AsyncIterable<Message> | undefined;
  #messages: AsyncGenerator<object, void, undefined> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wire: { readonly of: AppError; readonly as: ConnectError } | undefined;
  /** Aborted when the caller goes away. The context's own signal is also aborted by what connect-node cannot read. */
  left: AbortSignal | undefined;

  constructor(method: LocalMethod, request: NodeRequest, options: ExchangeOptions) {
    this.#method = method;
    this.#request = request;
    this.#options = options;
  }

  /** False where the request was no call in a protocol that we speak: the gate was never asked. */
  get called(): boolean {
    return this.#call !== undefined;
  }

  /** True where the message has reached its method. */
  get handled(): boolean {
    return this.#state === "handling";
  }

  /** Resolves when the caller is let through and its message is wanted; rejects with what the chain refuses with. */
  gate(context: HandlerContext): Promise<void> {
    const { headers } = this.#request;
    const call = new ServerCall({
      target: this.#method.target,
      transport: context.protocolName as Call["transport"],
      via: this.#options.via,
      peer: undefined,
      remoteAddress: this.#options.remoteAddress(this.#request),
      headers: headers as Readonly<Record<string, string>>,
      timeoutMs: parseTimeout(headers as Readonly<Record<string, string>>),
      certificate: () => certificateOf(this.#request),
      source: () => this.left,
      blame: (cost) => this.#options.blame(this.#request, cost),
    });
    this.#call = call;
    this.#context = context;
    return new Promise((resolve, reject) => {
      this.#result = this.#run(call, () => {
        if (call.principal.kind === "anyone" && isCompressed(this.#request)) throw errors.COMPRESSION_REFUSED();
        this.#state = "reading";
        const { messageTimeoutMs } = this.#options;
        this.#timer = setTimeout(() => call.abort(errors.MESSAGE_TOO_SLOW(messageTimeoutMs)), messageTimeoutMs);
        resolve();
        return this.#message.promise;
      });
      this.#result.catch((error: unknown) => {
        if (this.#state === "arrived") reject(this.#toWire(error));
      });
    });
  }

  /** The bytes of the body as connect-node asks for them; fails when the call ends before they are all here. */
  async *body(): AsyncGenerator<Uint8Array, void, undefined> {
    // A body that is given up must not take the connection with it: the answer is still to be sent.
    const chunks: AsyncIterator<Uint8Array> = this.#request.iterator({ destroyOnReturn: false });
    const ended = this.#result.then(
      () => new Promise<never>(() => {}),
      (error: unknown) => Promise.reject(this.#toWire(error)),
    );
    ended.catch(() => {});
    try {
      for (;;) {
        const next = await Promise.race([chunks.next(), ended]);
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      chunks.return?.().catch(() => {});
    }
  }

  /** Answers a unary method. Rejects with a ConnectError. */
  async unary(request: Message, context: HandlerContext): Promise<object> {
    this.#received(request);
    try {
      const response = (await this.#result) as object;
      this.#setHeaders(context);
      return response;
    } catch (error) {
      throw this.#toWire(error);
    }
  }

  /** Answers a method that streams. */
  async *stream(request: Message | undefined, context: HandlerContext): AsyncGenerator<object, void, undefined> {
    this.#received(request);
    try {
      let next = (await this.#result) as IteratorResult<object, void>;
      this.#setHeaders(context);
      for (; next.done !== true; next = await (this.#messages as AsyncGenerator<object, void, undefined>).next()) {
        yield next.value;
      }
    } catch (error) {
      throw this.#toWire(error);
    } finally {
      this.#messages?.return().catch(() => {});
    }
  }

  /** The same for one that streams both ways. */
  duplex(requests: AsyncIterable<Message>, context: HandlerContext): AsyncGenerator<object, void, undefined> {
    this.#incoming = requests;
    return this.stream(undefined, context);
  }

  /** Ends a call whose message never reached its method; resolves with why, undefined where there is nothing to end. */
  async failure(): Promise<ConnectError | undefined> {
    if (this.#state !== "reading") return undefined;
    clearTimeout(this.#timer);
    this.#message.reject(this.#readFailure(this.#context?.signal.reason));
    return this.#result.then(
      () => undefined,
      (error: unknown) => this.#toWire(error) as ConnectError,
    );
  }

  #run(call: ServerCall, read: () => Promise<Message | undefined>): Promise<unknown> {
    const { chain } = this.#options;
    const method = this.#method;
    switch (method.kind) {
      case "unary":
        return chain.unary(call, read as () => Promise<Message>, method.handle);
      case "server_streaming":
        this.#messages = chain.stream(call, read as () => Promise<Message>, method.handle);
        return this.#messages.next();
      case "bidi_streaming":
        this.#messages = chain.stream(call, read, () => method.handle(this.#incoming ?? none(), call));
        return this.#messages.next();
    }
  }

  #received(request: Message | undefined): void {
    this.#state = "handling";
    clearTimeout(this.#timer);
    this.#message.resolve(request);
  }

  #readFailure(cause: unknown): AppError {
    if (this.#request.readableAborted) return errors.CALL_CANCELED(cause);
    const tooLarge = cause instanceof ConnectError && cause.code === Code.ResourceExhausted;
    return tooLarge ? errors.MESSAGE_TOO_LARGE(this.#options.maxMessageBytes) : errors.MESSAGE_MALFORMED(cause);
  }

  #setHeaders(context: HandlerContext): void {
    for (const [name, value] of Object.entries(this.#call?.responseHeaders ?? {})) {
      context.responseHeader.set(name, value);
    }
  }

  /** Made once: what is told to thousands that broke off must cost little. */
  #toWire(error: unknown): unknown {
    if (!(error instanceof AppError)) return error;
    if (this.#wire?.of !== error) this.#wire = { of: error, as: toConnectError(error, this.#method.target.module) };
    return this.#wire.as;
  }
}

function isCompressed(request: NodeRequest): boolean {
  const said = ENCODING_HEADERS.map((name) => request.headers[name]);
  if (said.some((encoding) => encoding !== undefined && encoding !== "identity")) return true;
  // Connect's GET has its message in the query.
  return /[?&]compression=/.test(request.url ?? "");
}

async function* none(): AsyncGenerator<never, void, undefined> {}
