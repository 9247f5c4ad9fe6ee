/** A bound on calls of AWS SDK clients. */

/**
 * What `send` answers, or a rejection by an `AbortError` after `ms` milliseconds or when the other signal is aborted. The
 * signal alone is no bound: before an SDK looks at it, it fetches credentials from wherever a machine has them.
 */
export async function within<T>(
  ms: number,
  send: (signal: AbortSignal) => Promise<T>,
  otherwise?: AbortSignal,
): Promise<T> {
  const over = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = () => {
    const error = new DOMException(`no answer within ${ms} ms`, "AbortError");
    over.abort(error);
    reject(error);
  };
  const timer = setTimeout(end, ms);
  otherwise?.addEventListener("abort", end, { once: true });
  if (otherwise?.aborted === true) end();
  try {
    return await Promise.race([ended, send(over.signal)]);
  } finally {
    clearTimeout(timer);
    otherwise?.removeEventListener("abort", end);
  }
}
