/** What a caller of the event log can do wrong. */

import { AppError } from "#pkg/errors/errors";

export function recordInvalid(message: string): AppError {
  return new AppError({ kind: "invalid_argument", reason: "LOG_RECORD_INVALID", message });
}

export function eventLogUrlUnknown(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "EVENTLOG_URL_UNKNOWN",
    message: `No event log adapter knows the scheme ${scheme}; expected postgres:.`,
  });
}
