/** What a caller of the queue can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  QUEUE_ARGUMENT_INVALID: ["invalid_argument", (message: string) => message],
  QUEUE_UNAVAILABLE: ["unavailable", "The queue service does not answer, or not now."],
  /** Not "permission denied", which would tell the caller that something is missing on their side. */
  QUEUE_DENIES: [
    "failed_precondition",
    "The queue service refuses this process: its credentials are missing, expired or without the permission.",
  ],
  QUEUE_MISSING: [
    "failed_precondition",
    (queue: string, cause: unknown) => ({ message: `There is no queue ${queue}.`, cause }),
  ],
  QUEUE_URL_INVALID: [
    "invalid_argument",
    (url: string) => `${url} is not sqs: or sqs:PREFIX, with a prefix of at most 40 of [A-Za-z0-9_-].`,
  ],
  QUEUE_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No queue adapter knows the scheme ${scheme}; expected postgres: or sqs:.`,
  ],
});
