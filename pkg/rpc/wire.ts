/** Calls to another process: Connect over HTTP/2, round robin over the replicas, retries within a budget. */

import { connect } from "node:tls";
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Clock } from "#pkg/clock/clock";
import { AppError } from "#pkg/errors/errors";
import { currentTraceparent, type Tracer } from "#pkg/obs/trace";
import { methodName } from "./access.ts";
import { fromConnectError } from "./error-map.ts";
import { errors } from "./errors.ts";
import { headerRecord } from "./headers.ts";
import type { PeerProof } from "./loopback.ts";

const MAX_ATTEMPTS = 3;
const BACKOFF_MS = 50;
/** One retry for ten calls in the long run, so that retries cannot multiply an overload. */
const BUDGET_PER_CALL = 0.1;
const BUDGET_MAX = 10;
/** A connection that does not answer a ping in this time is given up. */
const PING_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 30_000;
const READ_MAX_BYTES = 16 * 1024 * 1024;

export interface WireOptions {
  readonly module: string;
  readonly caller: string | undefined;
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly proof: PeerProof;
}

export function newWireTransport(options: WireOptions): Transport & AsyncDisposable {
  const tls = () => options.proof.tls(options.caller, options.module);
  const replicas = options.addresses.map((address) => {
    const baseUrl = originOf(address, tls() !== undefined);
    const pings = { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS, pingIdleConnection: false };
    const createConnection = ({ hostname, port }: URL) =>
      connect({ host: unbracketed(hostname), port: Number(port || 443), ALPNProtocols: ["h2"], ...tls() });
    const sessions = new Http2SessionManager(baseUrl, pings, baseUrl.startsWith("https:") ? { createConnection } : {});
    const transport = createConnectTransport({
      baseUrl,
      httpVersion: "2",
      useBinaryFormat: true,
      sessionManager: sessions,
      readMaxBytes: READ_MAX_BYTES,
    });
    return { sessions, transport };
  });
  let turn = 0;
  let budget = BUDGET_MAX;

  function next(): Transport {
    const replica = replicas[turn++ % replicas.length];
    if (replica === undefined) throw errors.PEER_UNAVAILABLE(options.module);
    return replica.transport;
  }

  function toAppError(error: unknown): AppError {
    if (error instanceof AppError) return error;
    if (!(error instanceof ConnectError)) return errors.PEER_UNAVAILABLE(options.module, error);
    // A broken connection surfaces as Aborted or Internal with Node's error behind it.
    const broken = !error.isWireError && error.cause instanceof Error && "code" in error.cause;
    if (broken || (error.code === Code.Unavailable && error.details.length === 0)) {
      return errors.PEER_UNAVAILABLE(options.module, error);
    }
    return fromConnectError(error);
  }

  async function attempt<T>(method: DescMethod, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    budget = Math.min(BUDGET_MAX, budget + BUDGET_PER_CALL);
    for (let count = 1; ; count++) {
      try {
        return await work();
      } catch (cause) {
        const error = toAppError(cause);
        const repeat = error.kind === "unavailable" && isRepeatable(method) && count < MAX_ATTEMPTS && budget >= 1;
        if (!repeat || signal?.aborted === true) throw error;
        budget -= 1;
        await options.clock.sleep(BACKOFF_MS * 2 ** (count - 1), signal);
      }
    }
  }

  function headersFor(header: HeadersInit | undefined, traceparent: string): Record<string, string> {
    return {
      ...headerRecord(header),
      ...(options.caller === undefined ? {} : options.proof.prove(options.caller)),
      traceparent,
    };
  }

  return {
    async unary(method, signal, timeoutMs, header, input, values) {
      const span = options.tracer.start(methodName(method), "client", currentTraceparent());
      try {
        const headers = headersFor(header, span.traceparent);
        const response = await attempt(method, signal, () =>
          next().unary(method, signal, timeoutMs, headers, input, values),
        );
        span.end();
        return response;
      } catch (error) {
        span.end(error instanceof Error ? error : undefined);
        throw error;
      }
    },
    async stream(method, signal, timeoutMs, header, input, values) {
      const span = options.tracer.start(methodName(method), "client", currentTraceparent());
      const headers = headersFor(header, span.traceparent);
      try {
        const response = await next().stream(method, signal, timeoutMs, headers, input, values);
        return { ...response, message: mapErrors(response.message, toAppError, (error) => span.end(error)) };
      } catch (error) {
        const mapped = toAppError(error);
        span.end(mapped);
        throw mapped;
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { sessions } of replicas) sessions.abort();
    },
  };
}

/** `address` is `host:port`, or says its scheme itself. */
export function originOf(address: string, isSecure: boolean): string {
  return address.includes("://") ? address : `${isSecure ? "https" : "http"}://${address}`;
}

/** The host of `https://[::1]:1` as a socket takes it. */
function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

async function* mapErrors<T>(
  messages: AsyncIterable<T>,
  map: (error: unknown) => AppError,
  ended: (error: AppError | undefined) => void,
): AsyncGenerator<T, void, undefined> {
  let failure: AppError | undefined;
  try {
    yield* messages;
  } catch (error) {
    failure = map(error);
    throw failure;
  } finally {
    ended(failure);
  }
}

function isRepeatable(method: DescMethod): boolean {
  return method.idempotency === Idempotency.NO_SIDE_EFFECTS || method.idempotency === Idempotency.IDEMPOTENT;
}
