/**
 * The one way to answer a request with bytes. The caller may leave at any moment: before the answer, in the middle, while
 * the source is being opened. Whenever it does, the source is closed and the answer ends with `CALLER_LEFT`; nothing
 * is left and no event goes unheard.
 */

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { hasLeft, isHttp2, onLeft } from "./caller.ts";
import { errors } from "./errors.ts";
import type { NodeResponse } from "./node.ts";
import { newWaiting, type Waiting } from "./waiting.ts";

/** Of all answers of the process that wait for their callers to read. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
const everybody = newWaiting(MAX_WAITING_BYTES);

export interface Answer {
  readonly status: number;
  /** With `content-length` where the body is an iterable of known length. */
  readonly headers: OutgoingHttpHeaders;
  /** None is sent to HEAD, and none is read for it. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
}

/**
 * Resolves when the last byte has been handed to the system. What the source throws before its first byte leaves the
 * response untouched, so that it can still be answered with an error; after that the response must be destroyed. Throws
 * `CALLER_LEFT` where the caller has gone, `CALLER_STALLED` where it reads nothing while memory runs short, `ANSWER_CUT` where the source does not yield what `content-length` says.
 */
export async function send(to: NodeResponse, answer: Answer, waiting: Waiting = everybody): Promise<void> {
  // The compatibility API of HTTP/2 has the same methods.
  const response = to as ServerResponse;
  const { status, body } = answer;
  using caller = watch(response, waiting);
  await caller.turn();
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    caller.requireThere();
    response.writeHead(status, allowed({ ...length, ...answer.headers }, to)).end(isHead(response) ? undefined : body);
  } else if (isHead(response)) {
    caller.requireThere();
    response.writeHead(status, allowed(answer.headers, to)).end();
  } else {
    await sendChunks(response, caller, status, allowed(answer.headers, to), body);
  }
  await caller.served();
}

async function sendChunks(
  response: ServerResponse,
  caller: Caller,
  status: number,
  headers: OutgoingHttpHeaders,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const reader = body[Symbol.asyncIterator]();
  try {
    let next = await reader.next();
    caller.requireThere();
    response.writeHead(status, headers);
    const declared = headers["content-length"];
    let missing = declared === undefined ? undefined : Number(declared);
    for (; next.done !== true; next = await reader.next()) {
      caller.requireThere();
      if (missing !== undefined) missing -= next.value.byteLength;
      if (missing !== undefined && missing < 0) throw errors.ANSWER_CUT();
      if (!response.write(next.value)) await caller.drained();
    }
    caller.requireThere();
    if (missing !== undefined && missing > 0) throw errors.ANSWER_CUT();
    response.end();
  } finally {
    // Not awaited: a source that ignores its signal would hold us.
    reader.return?.().catch(() => {});
  }
}

interface Caller extends Disposable {
  /**
   * Resolves when nothing stands before the response. One of HTTP/1.1 waits behind those to requests sent earlier: what
   * it wrote meanwhile would lie in memory, and past a bound Node stops reading the connection, so that nobody would
   * hear its caller leave.
   */
  turn(): Promise<void>;
  /** Throws `CALLER_LEFT` where the caller has gone. */
  requireThere(): void;
  /** Resolves when the response takes bytes again. */
  drained(): Promise<void>;
  /** Resolves when everything was handed over. */
  served(): Promise<void>;
}

/** One listener for each event and answer, however many chunks there are. */
function watch(response: ServerResponse, waiting: Waiting): Caller {
  let wake: () => void = () => {};
  const onEvent = () => wake();
  let isCut = false;
  const changed = async () => {
    using _counted = waiting.add(response.writableLength, () => {
      isCut = true;
      response.destroy();
      wake();
    });
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (isCut) resolve();
    });
  };
  const requireThere = () => {
    if (isCut) throw errors.CALLER_STALLED();
    if (hasLeft(response)) throw errors.CALLER_LEFT();
  };
  response.on("drain", onEvent);
  response.on("finish", onEvent);
  // A broken connection may say so by an error; that it is gone is all that matters.
  response.on("error", onEvent);
  const forget = onLeft(response, onEvent);
  response.on("socket", onEvent);
  return {
    requireThere,
    async turn() {
      while (response.socket === null) {
        requireThere();
        await changed();
      }
    },
    async drained() {
      while (response.writableNeedDrain) {
        requireThere();
        await changed();
      }
      requireThere();
    },
    async served() {
      while (!response.writableFinished) {
        requireThere();
        await changed();
      }
    },
    [Symbol.dispose]() {
      response.off("socket", onEvent);
      response.off("drain", onEvent);
      response.off("finish", onEvent);
      response.off("error", onEvent);
      forget();
    },
  };
}

function isHead(response: ServerResponse): boolean {
  return response.req.method === "HEAD";
}

/** HTTP/2 has no headers about the connection (RFC 9113, 8.2.2); Node throws for them. */
function allowed(headers: OutgoingHttpHeaders, response: NodeResponse): OutgoingHttpHeaders {
  if (!isHttp2(response) || headers.connection === undefined) return headers;
  const { connection: _, ...rest } = headers;
  return rest;
}
