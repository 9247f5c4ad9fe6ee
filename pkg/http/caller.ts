/** Whether the caller of a request is still there, on HTTP/1.1 with its pipelining and on HTTP/2 alike. */

import type { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { NodeResponse } from "./node.ts";

/** True once nothing that is written can reach the caller. */
export function hasLeft(response: NodeResponse): boolean {
  if (isHttp2(response)) return response.stream.destroyed || response.stream.closed;
  return response.destroyed || (socketOf(response)?.destroyed ?? true);
}

/** Calls back once, when the caller leaves or the response is over; the result stops that. */
export function onLeft(response: NodeResponse, callback: () => void): () => void {
  const done = () => {
    stop();
    callback();
  };
  // The response of HTTP/2 says nothing of a HEAD that was given up; its stream does.
  const source: EventEmitter = isHttp2(response) ? response.stream : response;
  source.once("close", done);
  const forget = isHttp2(response) ? () => {} : onSocketClose(response, done);
  const stop = () => {
    source.off("close", done);
    forget();
  };
  return stop;
}

/**
 * A response has its socket when its turn comes, and a request until its reader gives it up. One that waits with a
 * request that was given up has none: it can only be destroyed.
 */
function socketOf(response: ServerResponse): Socket | null {
  return response.socket ?? response.req.socket;
}

export function isHttp2(response: NodeResponse): response is Http2ServerResponse {
  return "stream" in response;
}

/**
 * A response that waits behind others of its connection is told nothing when that breaks (Node tells the first one only),
 * so the connection is watched; by one listener, for a client may send as many requests as it likes.
 */
const waiting = new WeakMap<Socket, Set<() => void>>();

function onSocketClose(response: ServerResponse, callback: () => void): () => void {
  const socket = socketOf(response);
  if (socket === null) return () => {};
  let callbacks = waiting.get(socket);
  if (callbacks === undefined) {
    const all = new Set<() => void>();
    socket.once("close", () => {
      for (const one of all) one();
    });
    waiting.set(socket, all);
    callbacks = all;
  }
  const own = callbacks;
  own.add(callback);
  return () => own.delete(callback);
}
