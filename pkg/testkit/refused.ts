/** For `assert.rejects`: a test that says which refusal it means passes on no other failure. */

import { isAppError } from "#pkg/errors/errors";

/** True for an AppError with one of the reasons. */
export function refused(...reasons: readonly [string, ...string[]]): (error: unknown) => boolean {
  return (error) => reasons.some((reason) => isAppError(error, reason));
}
