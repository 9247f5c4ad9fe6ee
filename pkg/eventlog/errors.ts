/** What a caller of the event log can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  LOG_RECORD_INVALID: ["invalid_argument", (message: string) => message],
  EVENTLOG_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No event log adapter knows the scheme ${scheme}; expected postgres:.`,
  ],
});
