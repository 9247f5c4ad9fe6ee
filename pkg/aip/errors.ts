/** What is wrong with what lists are asked for. */

import { defineErrors, inField } from "#pkg/errors/errors";

export const errors = defineErrors({
  PAGE_TOKEN_INVALID: [
    "invalid_argument",
    () => inField("page_token", "not the next_page_token of a request with these fields; begin again without it"),
  ],
});
