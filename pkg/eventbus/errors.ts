/** What a caller of the event bus can do wrong. */

import { AppError } from "#pkg/errors/errors";

export function eventInvalid(message: string): AppError {
  return new AppError({ kind: "invalid_argument", reason: "EVENT_INVALID", message });
}

export function eventBusUrlUnknown(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "EVENTBUS_URL_UNKNOWN",
    message: `No event bus adapter knows the scheme ${scheme}; expected postgres:.`,
  });
}
