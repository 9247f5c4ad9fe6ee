/** What a caller of the event bus can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  EVENT_INVALID: ["invalid_argument", (message: string) => message],
  EVENTBUS_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No event bus adapter knows the scheme ${scheme}; expected postgres:.`,
  ],
});
