/** What a caller of the search index can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  SEARCH_ARGUMENT_INVALID: ["invalid_argument", (message: string) => message],
  SEARCH_INDEX_NOT_FOUND: ["not_found", (index: string) => `There is no search index ${index}.`],
  SEARCH_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No search adapter knows the scheme ${scheme}; expected postgres:.`,
  ],
});
