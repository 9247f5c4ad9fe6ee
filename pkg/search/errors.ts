/** What a caller of the search index can do wrong. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  SEARCH_ARGUMENT_INVALID: ["invalid_argument", (message: string) => message],
  SEARCH_INDEX_NOT_FOUND: ["not_found", (index: string) => `There is no search index ${index}.`],
  SEARCH_REBUILD_RUNNING: ["aborted", (index: string) => `The search index ${index} is being rebuilt already.`],
  SEARCH_REBUILD_LOST: [
    "aborted",
    (index: string) => `Another rebuild of the search index ${index} took this one's place, or the index was lost.`,
  ],
  SEARCH_URL_UNKNOWN: [
    "invalid_argument",
    (scheme: string) => `No search adapter knows the scheme ${scheme}; expected postgres:.`,
  ],
});
