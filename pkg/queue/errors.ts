/** What a caller of the queue can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  QUEUE_ARGUMENT_INVALID: ["invalid_argument", (message: string) => message],
  QUEUE_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No queue adapter knows the scheme ${scheme}; expected postgres:.`,
  ],
});
