/** Notification's refusals, each reason written once. */

import { AppError } from "#pkg/errors/errors";

export function tooManyStreams(limit: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "NOTIFICATION_STREAMS_EXHAUSTED",
    message: `This account already has ${limit} open streams; close one first.`,
    metadata: { limit: String(limit) },
    retryAfterMs: 5000,
  });
}
