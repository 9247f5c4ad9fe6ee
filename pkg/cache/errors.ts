/** The refusals of every cache adapter, each reason written once. */

import { AppError } from "#pkg/errors/errors";

export function cacheLimitExceeded(what: string): AppError {
  return new AppError({ kind: "invalid_argument", reason: "CACHE_LIMIT_EXCEEDED", message: what });
}

export function cacheNotACounter(key: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "CACHE_NOT_A_COUNTER",
    message: "The value under this key is not a whole number.",
    metadata: { key },
  });
}

export function cacheUnavailable(cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    reason: "CACHE_UNAVAILABLE",
    message: "The cache does not answer.",
    retryAfterMs: 1_000,
    cause,
  });
}

export function cacheUrlUnsupported(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "CACHE_URL_UNSUPPORTED",
    message: `A cache is opened from a memory:, redis: or rediss: URL, not from "${scheme}".`,
  });
}
