/** The bytes of an answer of S3, for a reader that may be slow, leave or never come. */

import type { Readable } from "node:stream";

export interface S3BodyOptions {
  readonly signal: AbortSignal | undefined;
  /** Asks again, for a reader that came late. */
  readonly again: () => Promise<Readable>;
  readonly toStoreError: (error: unknown) => unknown;
}

/** A reader begins at once. For one that does not, the connection is let go, and made anew when it comes. */
const UNREAD_MS = 2_000;
/** How long a reader waits for the next bytes. A reader that is slow itself may take as long as it likes. */
const STALL_MS = 30_000;

/** Holds a connection until it is read to the end, its iterator returns, the signal aborts, or nobody comes for 2 s. */
export function newS3Body(first: Readable, options: S3BodyOptions): AsyncIterable<Uint8Array> {
  const { signal } = options;
  let body: Readable | undefined = first;
  // Nobody listens until somebody reads, and it may break before.
  first.on("error", () => {});
  const letGo = () => {
    clearTimeout(unread);
    signal?.removeEventListener("abort", letGo);
    body?.destroy();
    body = undefined;
  };
  const unread = setTimeout(letGo, UNREAD_MS);
  unread.unref();
  signal?.addEventListener("abort", letGo, { once: true });

  async function* read(): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    clearTimeout(unread);
    // It broke or was given up while nobody read.
    if (body === undefined || body.destroyed) body = await options.again();
    signal?.addEventListener("abort", letGo, { once: true });
    const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await withinStall(chunks.next(), letGo);
        signal?.throwIfAborted();
        if (next.done === true) return;
        yield next.value;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw options.toStoreError(error);
    } finally {
      letGo();
    }
  }

  const reading = read();
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => reading.next(),
      return() {
        letGo();
        return reading.return(undefined);
      },
    }),
  };
}

/** Cuts what does not come in time: the stream then ends with an error. */
async function withinStall<T>(next: Promise<T>, cut: () => void): Promise<T> {
  const timer = setTimeout(cut, STALL_MS);
  try {
    return await next;
  } finally {
    clearTimeout(timer);
  }
}
