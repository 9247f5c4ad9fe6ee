/** What a caller of the event bus can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  EVENT_INVALID: ["invalid_argument", (message: string) => message],
  EVENT_NOT_ROUTED: [
    "failed_precondition",
    (consumer: string, types: readonly string[]) =>
      `The infrastructure, which owns the routing of events, does not bring ${consumer} ${types.join(", ")}.`,
  ],
  EVENTBUS_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No event bus adapter knows the scheme ${scheme}; expected postgres:.`,
  ],
});
