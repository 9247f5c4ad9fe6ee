/** The platform as one value: typed clients over fetch that sign, trace, retry and speak MatineeError. */

import {
  create,
  type DescMethodStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  toJsonString,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { backoffMs, newTraceparent, nowMs, sleep } from "./clock.ts";
import { hasReason, isTransient, type MatineeError, toMatineeError } from "./errors.ts";

const MAX_ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 2_000;
const UNARY_TIMEOUT_MS = 20_000;

/** What the transport asks for a token. */
export interface TokenSource {
  /** A token that is good for a while; undefined where nobody is signed in. */
  accessToken(): Promise<string | undefined>;
  /** Gets a token other than `used`, from the service or from whoever got one meanwhile. */
  refresh(used: string): Promise<void>;
}

export interface PlatformOptions {
  /** The edge's origin, such as "http://localhost:8080". */
  readonly origin: string;
  /** Who signs the calls; absent for a caller who is nobody. */
  readonly tokens?: TokenSource;
  /** Waits for a service that has answered before. Three tries and a few seconds unless given. */
  readonly patience?: Patience;
  /** JSON is readable in the browser's tools; binary is smaller. Binary unless said. */
  readonly format?: "json" | "binary";
  /** In place of the network, for development and tests. */
  readonly transport?: Transport;
}

/** For clients that nobody looks at: a restart, a full disk or an exhausted rate is waited for, not reported as a failure. */
export interface Patience {
  /** A call that was tried for so long fails. */
  readonly giveUpMs: number;
  /** Told before each pause. */
  readonly onWait: (error: MatineeError) => void;
}

export interface Platform {
  readonly origin: string;
  /** A client of the service; the same one at every call. */
  client<Service extends DescService>(service: Service): Client<Service>;
  /** An absolute URL from a path below the edge's origin, or the URL itself where it is absolute. */
  url(path: string): string;
  /**
   * Sends one request that outlives the page (fetch with keepalive, at most 64 kB) and waits for no answer.
   * `navigator.sendBeacon` cannot carry an Authorization header. Without a token of its own it carries the caller's.
   */
  sendLast<Method extends DescMethodUnary>(
    method: Method,
    message: MessageInitShape<Method["input"]>,
    token: string | undefined,
  ): void;
}

export function newPlatform(options: PlatformOptions): Platform {
  const transport = withSession(
    options.transport ??
      createConnectTransport({ baseUrl: options.origin, useBinaryFormat: options.format !== "json" }),
    options.tokens,
    options.patience,
  );
  const clients = new Map<string, unknown>();
  const url = (path: string): string => new URL(path, `${options.origin}/`).href;
  return {
    origin: options.origin,
    client<Service extends DescService>(service: Service): Client<Service> {
      let client = clients.get(service.typeName) as Client<Service> | undefined;
      if (client === undefined) {
        client = createClient(service, transport);
        clients.set(service.typeName, client);
      }
      return client;
    },
    url,
    sendLast(method, message, token) {
      const body = toJsonString(method.input, create(method.input, message));
      const send = async (bearer: string | undefined) => {
        if (bearer === undefined) return;
        await fetch(url(`/${method.parent.typeName}/${method.name}`), {
          method: "POST",
          keepalive: true,
          headers: {
            "content-type": "application/json",
            "connect-protocol-version": "1",
            authorization: `Bearer ${bearer}`,
            traceparent: newTraceparent(),
          },
          body,
        });
      };
      // A token that is at hand is sent with before the page is gone; one that must be renewed first may come too late.
      const sent = token === undefined ? options.tokens?.accessToken().then(send) : send(token);
      sent?.catch(() => {
        // The page is going away; nobody is left to be told.
      });
    },
  };
}

/** Adds the token and a trace to every call, refreshes once on an expired token, and retries what may be repeated. */
export function withSession(inner: Transport, tokens: TokenSource | undefined, patience?: Patience): Transport {
  // Who has never answered may be somebody else, or nobody: there is nothing to wait for.
  let hasAnswered = false;

  async function signed<T>(
    header: HeadersInit | undefined,
    work: (headers: Headers) => Promise<T>,
    repeatable: boolean,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    let refreshed = false;
    const beganMs = nowMs();
    for (let attempt = 0; ; ) {
      const headers = new Headers(header);
      headers.set("traceparent", newTraceparent());
      // A call that brings its own token, such as a play token, keeps it.
      const own = headers.has("authorization");
      let token: string | undefined;
      try {
        token = own ? undefined : await tokens?.accessToken();
        if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
        const answer = await work(headers);
        hasAnswered = true;
        return answer;
      } catch (cause) {
        const error = toMatineeError(cause);
        if (token !== undefined && !refreshed && isTokenRefused(error)) {
          refreshed = true;
          await tokens?.refresh(token);
          continue;
        }
        attempt += 1;
        const waits = patience !== undefined && hasAnswered && nowMs() - beganMs < patience.giveUpMs;
        const again = repeatable && isTransient(error) && (waits || attempt < MAX_ATTEMPTS) && signal?.aborted !== true;
        if (!again) throw error;
        if (waits) patience.onWait(error);
        await sleep(waitMs(error, attempt), signal);
      }
    }
  }

  return {
    unary(method, signal, timeoutMs, header, input, values) {
      return signed(
        header,
        (headers) => inner.unary(method, signal, timeoutMs ?? UNARY_TIMEOUT_MS, headers, input, values),
        isRepeatable(method),
        signal,
      );
    },
    async stream(method, signal, timeoutMs, header, input, values) {
      const response = await signed(
        header,
        (headers) => inner.stream(method, signal, timeoutMs, headers, input, values),
        false,
        signal,
      );
      return { ...response, message: mapErrors(response.message) };
    },
  };
}

/** Expired; or invalid, as after the service was set up anew: then refreshing fails as well and ends the session. */
function isTokenRefused(error: MatineeError): boolean {
  return ["TOKEN_EXPIRED", "TOKEN_INVALID", "SESSION_ENDED"].some((reason) => hasReason(error, reason));
}

/** What a client method takes; helps callers to name types without importing each generated one. */
export type RequestOf<Method extends DescMethodUnary | DescMethodStreaming> = MessageShape<Method["input"]>;

function isRepeatable(method: DescMethodUnary): boolean {
  return method.idempotency === Idempotency.NO_SIDE_EFFECTS || method.idempotency === Idempotency.IDEMPOTENT;
}

function waitMs(error: MatineeError, attempt: number): number {
  const own = backoffMs(attempt - 1, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
  return Math.min(MAX_BACKOFF_MS, Math.max(own, error.retryAfterMs ?? 0));
}

async function* mapErrors<T>(messages: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* messages;
  } catch (error) {
    throw toMatineeError(error);
  }
}
