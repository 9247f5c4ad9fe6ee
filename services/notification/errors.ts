/** Notification's refusals, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  NOTIFICATION_STREAMS_EXHAUSTED: [
    "resource_exhausted",
    (limit: number) => ({
      message: `This account already has ${limit} open streams; close one first.`,
      metadata: { limit: String(limit) },
      retryAfterMs: 5000,
    }),
  ],
});
