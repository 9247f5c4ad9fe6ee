/** Why an answer did not reach its end. */

import { AppError } from "#pkg/errors/errors";

/** The caller closed the connection or gave the request up. */
export function callerLeft(): AppError {
  return new AppError({ kind: "canceled", reason: "CALLER_LEFT", message: "the caller went away before the answer" });
}

/** The caller reads nothing, and others need the memory that its answer holds. */
export function callerStalled(): AppError {
  return new AppError({
    kind: "canceled",
    reason: "CALLER_STALLED",
    message: "the caller did not read the answer while memory was needed for others",
  });
}

/** What is being sent is not as long as its head said. */
export function answerCut(): AppError {
  return new AppError({
    kind: "internal",
    reason: "ANSWER_CUT",
    message: "the source yields another number of bytes than was announced",
  });
}
