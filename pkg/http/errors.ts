/** Why an answer did not reach its end, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  /** The caller closed the connection or gave the request up. */
  CALLER_LEFT: ["canceled", "the caller went away before the answer"],
  /** The caller reads nothing, and others need the memory that its answer holds. */
  CALLER_STALLED: ["canceled", "the caller did not read the answer while memory was needed for others"],
  /** What is being sent is not as long as its head said. */
  ANSWER_CUT: ["internal", "the source yields another number of bytes than was announced"],
});
