/** What the catalog refuses, each with its reason. */

import { defineErrors, type FieldViolation, inField } from "#pkg/errors/errors";

export const errors = defineErrors({
  TITLE_NOT_FOUND: ["not_found", "there is no such title"],
  TITLE_CHANGED: ["aborted", "the title was changed by someone else meanwhile; load it again and repeat your change"],
  TITLE_INCOMPLETE: [
    "failed_precondition",
    (fields: readonly FieldViolation[]) => {
      const list = fields.map(({ field, description }) => `${field}: ${description}`).join("; ");
      return { message: `the title cannot be published yet (${list})`, fields };
    },
  ],
  TITLE_WRONG_STATE: [
    "failed_precondition",
    (state: string, action: string) => ({
      message: `a title that is ${state} cannot be ${action}`,
      metadata: { state },
    }),
  ],
  FILM_NOT_FOUND: ["not_found", "there is no such film"],
  FILM_STREAMS_EXHAUSTED: [
    "resource_exhausted",
    (limit: number) => ({
      message: `this account already has ${limit} open streams of films; close one first`,
      metadata: { limit: String(limit) },
      retryAfterMs: 5000,
    }),
  ],
  ARTWORK_NOT_FOUND: ["not_found", "there is no such picture"],
  TITLE_UPDATE_MASK_INVALID: [
    "invalid_argument",
    (path: string) => inField("update_mask", `"${path}" cannot be changed`),
  ],
});
