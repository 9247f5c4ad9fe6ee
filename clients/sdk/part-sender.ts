/** Puts one part to a signed URL, with progress where the platform can tell, again and again until it is stored. */

import { backoffMs, newTraceparent, nowMs, sleep } from "./clock.ts";
import {
  canceled,
  isCanceled,
  isTransient,
  outOfSpace,
  partRefused,
  sourceChanged,
  toMatineeError,
  unreachable,
} from "./errors.ts";
import type { HashedPart } from "./hashing.ts";

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 10_000;
/** A server that does not come back in this time is not coming back. A full disk is waited for as long as the upload lives. */
const GIVE_UP_MS = 5 * 60_000;
/** RFC 4918, section 11.5. */
const INSUFFICIENT_STORAGE = 507;
/** A hash that keeps being refused is no accident of the wire. */
const MAX_REFUSED_HASHES = 2;
const ANSWER_CHARACTERS = 200;

/** A request to make exactly so. */
export interface SignedPut {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresMs: number;
}

export interface SendOptions {
  readonly part: HashedPart;
  /** Asks the service for a URL; called again when one has expired. */
  readonly sign: (part: HashedPart) => Promise<SignedPut>;
  readonly onBytes: (sentBytes: number) => void;
  /** A failure that will be tried again. */
  readonly onRetry?: ((error: Error, attempt: number) => void) | undefined;
  readonly signal: AbortSignal;
  readonly put?: PutPart | undefined;
}

export interface PutAnswer {
  readonly status: number;
  readonly text: string;
}

/** One attempt. Rejects where no answer came. */
export type PutPart = (
  request: SignedPut,
  body: Blob,
  onBytes: (sentBytes: number) => void,
  signal: AbortSignal,
) => Promise<PutAnswer>;

/** Resolves once the store holds the part. Throws UPLOAD_PART_REFUSED, UPLOAD_SOURCE_CHANGED, UNREACHABLE. */
export async function sendPart(options: SendOptions): Promise<void> {
  const { part, signal } = options;
  const put = options.put ?? putPart;
  const startedMs = nowMs();
  let refusedHashes = 0;
  for (let attempt = 0; ; attempt++) {
    if (signal.aborted) throw canceled(signal.reason);
    let failure: Error;
    let isFull = false;
    try {
      const request = await options.sign(part);
      const answer = await put(request, part.blob, options.onBytes, signal);
      if (answer.status >= 200 && answer.status < 300) return;
      isFull = answer.status === INSUFFICIENT_STORAGE;
      failure = isFull ? outOfSpace() : partRefused(answer.status, answer.text.slice(0, ANSWER_CHARACTERS));
      if (answer.text.includes("BadDigest") && ++refusedHashes >= MAX_REFUSED_HASHES) throw sourceChanged(failure);
      // 403: the URL has expired, the next attempt signs a new one.
      const again = answer.status >= 500 || [400, 403, 408, 429].includes(answer.status);
      if (!again || (answer.status < 500 && attempt >= 3)) throw failure;
    } catch (cause) {
      if (signal.aborted || isCanceled(cause)) throw canceled(cause);
      const error = toMatineeError(cause);
      if (error.reason === "UPLOAD_SOURCE_CHANGED") throw error;
      if (error.reason !== "UNREACHABLE" && !isTransient(error)) throw error;
      isFull = error.reason === "OUT_OF_SPACE";
      failure = error;
    }
    if (!isFull && nowMs() - startedMs > GIVE_UP_MS) throw failure;
    options.onBytes(0);
    options.onRetry?.(failure, attempt + 1);
    await sleep(backoffMs(attempt, FIRST_BACKOFF_MS, MAX_BACKOFF_MS), signal);
  }
}

/** fetch cannot tell how much of a body has left; XMLHttpRequest, where there is one, can. */
const putPart: PutPart = (request, body, onBytes, signal) =>
  typeof XMLHttpRequest === "function"
    ? putByRequest(request, body, onBytes, signal)
    : putByFetch(request, body, onBytes, signal);

const putByFetch: PutPart = async (request, body, onBytes, signal) => {
  const headers = { ...request.headers, traceparent: newTraceparent() };
  const response = await fetch(request.url, { method: "PUT", headers, body, signal }).catch((error: unknown) => {
    throw isCanceled(error) ? canceled(error) : unreachable(error);
  });
  const text = await response.text().catch(() => "");
  if (response.ok) onBytes(body.size);
  return { status: response.status, text };
};

const putByRequest: PutPart = (request, body, onBytes, signal) =>
  new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    xhr.open("PUT", request.url);
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    xhr.setRequestHeader("traceparent", newTraceparent());
    xhr.upload.onprogress = (event) => onBytes(event.loaded);
    xhr.onload = () => resolve({ status: xhr.status, text: xhr.responseText });
    xhr.onerror = () => reject(unreachable());
    xhr.onabort = () => reject(canceled());
    xhr.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    xhr.send(body);
  });
