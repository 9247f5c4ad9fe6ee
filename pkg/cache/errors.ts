/** The refusals of every cache adapter, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  CACHE_LIMIT_EXCEEDED: ["invalid_argument", (what: string) => what],
  CACHE_NOT_A_COUNTER: [
    "failed_precondition",
    (key: string) => ({ message: "The value under this key is not a whole number.", metadata: { key } }),
  ],
  CACHE_UNAVAILABLE: [
    "unavailable",
    (cause: unknown) => ({ message: "The cache does not answer.", retryAfterMs: 1_000, cause }),
  ],
  CACHE_URL_UNSUPPORTED: [
    "invalid_argument",
    (scheme: string) => `A cache is opened from a memory:, redis: or rediss: URL, not from "${scheme}".`,
  ],
});
