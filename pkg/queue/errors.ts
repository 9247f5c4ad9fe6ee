/** What a caller of the queue can do wrong. */

import { AppError } from "#pkg/errors/errors";

export function queueArgumentInvalid(message: string): AppError {
  return new AppError({ kind: "invalid_argument", reason: "QUEUE_ARGUMENT_INVALID", message });
}

export function queueUrlUnknown(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "QUEUE_URL_UNKNOWN",
    message: `No queue adapter knows the scheme ${scheme}; expected postgres:.`,
  });
}
