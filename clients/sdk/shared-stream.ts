/** One stream for all tabs of a browser: a leader tab holds it and passes every message on to the others. */

import { isCanceled, type MatineeError, toMatineeError } from "./errors.ts";
import { follow } from "./stream.ts";

/** Messages that a late tab is told at once, by key. */
const MAX_REMEMBERED = 200;

export interface SharedStreamOptions<T> {
  /** The same for all tabs that may share it; must name the account. */
  readonly name: string;
  /** Yields undefined as a sign of life: a stream that says nothing for long is taken for dead. */
  readonly open: (signal: AbortSignal) => AsyncIterable<T | undefined>;
  /** What the message replaces, such as a job's name; undefined where it is not worth telling later. */
  readonly keyOf: (message: T) => string | undefined;
  readonly encode: (message: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
  readonly onMessage: (message: T) => void;
  readonly onFailed?: (error: MatineeError) => void;
  readonly signal: AbortSignal;
}

type Wire = { readonly kind: "hello" } | { readonly kind: "message"; readonly bytes: Uint8Array };

/**
 * Browsers open six HTTP/1.1 connections to a host: a stream in each of three tabs would starve the player. Where the
 * page has no Web Locks (no secure context), the tab holds a stream of its own.
 */
export function shareStream<T>(options: SharedStreamOptions<T>): void {
  const { name, signal } = options;
  if (typeof navigator === "undefined" || navigator.locks === undefined || typeof BroadcastChannel === "undefined") {
    void lead(options, () => undefined);
    return;
  }
  const channel = new BroadcastChannel(name);
  signal.addEventListener("abort", () => channel.close(), { once: true });
  const remembered = new Map<string, Uint8Array>();
  let leads = false;

  channel.onmessage = ({ data }: MessageEvent<Wire>) => {
    if (data.kind === "message" && !leads) options.onMessage(options.decode(data.bytes));
    if (data.kind === "hello" && leads) {
      for (const bytes of remembered.values()) channel.postMessage({ kind: "message", bytes } satisfies Wire);
    }
  };
  channel.postMessage({ kind: "hello" } satisfies Wire);

  navigator.locks
    .request(name, { signal }, async () => {
      leads = true;
      await lead(options, (message) => {
        const bytes = options.encode(message);
        const key = options.keyOf(message);
        if (key !== undefined) {
          remembered.delete(key);
          remembered.set(key, bytes);
          const oldest = remembered.keys().next().value;
          if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
        }
        if (!signal.aborted) channel.postMessage({ kind: "message", bytes } satisfies Wire);
      });
    })
    .catch((error: unknown) => {
      // A browser that blocks storage blocks its locks as well: then this tab holds a stream of its own.
      if (!isCanceled(error)) void lead(options, () => undefined);
    });
}

async function lead<T>(options: SharedStreamOptions<T>, relay: (message: T) => void): Promise<void> {
  try {
    for await (const message of follow({ open: options.open, signal: options.signal })) {
      if (message === undefined) continue;
      relay(message);
      options.onMessage(message);
    }
  } catch (error) {
    if (!isCanceled(error)) options.onFailed?.(toMatineeError(error));
  }
}
