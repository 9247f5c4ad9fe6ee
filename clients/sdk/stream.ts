/** Follows a server stream for ever: notices a dead connection, comes back with backoff, and never says a thing twice. */

import { backoffMs, sleep } from "./clock.ts";
import { isCanceled, isTransient, type MatineeError, toMatineeError } from "./errors.ts";

/** Servers send a keep-alive every 15 s; a stream that is silent for longer than two of them is dead. */
const SILENCE_MS = 40_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;

export interface FollowOptions<T> {
  /** Opens the stream, from where the last one stopped where the method can do that. */
  readonly open: (signal: AbortSignal) => AsyncIterable<T>;
  readonly signal: AbortSignal;
  /** A stream that the server ends on purpose is not opened again where this is true. */
  readonly isOver?: () => boolean;
  /** Told when the connection is lost and when it is back. */
  readonly onConnection?: (state: "open" | "lost", error: MatineeError | undefined) => void;
}

/** Ends when `isOver`, or quietly with the signal. Throws what trying again cannot cure. */
export async function* follow<T>(options: FollowOptions<T>): AsyncGenerator<T, void, undefined> {
  const { signal } = options;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const watch = new AbortController();
    const either = AbortSignal.any([signal, watch.signal]);
    let silence = setTimeout(() => watch.abort(), SILENCE_MS);
    try {
      for await (const message of options.open(either)) {
        clearTimeout(silence);
        silence = setTimeout(() => watch.abort(), SILENCE_MS);
        if (attempt > 0) options.onConnection?.("open", undefined);
        attempt = 0;
        yield message;
      }
      if (options.isOver?.() === true) return;
    } catch (cause) {
      const error = toMatineeError(cause);
      if (signal.aborted) return;
      const lost = watch.signal.aborted || isTransient(error) || isCanceled(error) || isNoVerdict(error);
      if (!lost) throw error;
      options.onConnection?.("lost", error);
    } finally {
      clearTimeout(silence);
      watch.abort();
    }
    await sleep(backoffMs(attempt, FIRST_BACKOFF_MS, MAX_BACKOFF_MS), signal).catch(() => undefined);
  }
}

/**
 * A connection that broke in the middle is no verdict of the service; nor is that the sign-in session ended, perhaps on
 * another device: opening the stream again finds out whether there is a newer one, and that nobody is signed in where not.
 */
function isNoVerdict(error: MatineeError): boolean {
  const broken = ["SERVER_ANSWER_UNREADABLE", "CLIENT_FAILED", "UNREACHABLE", "DEADLINE_EXCEEDED"];
  return [...broken, "SESSION_ENDED"].includes(error.reason);
}
