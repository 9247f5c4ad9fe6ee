/** What a caller of the search index can do wrong. */

import { AppError } from "#pkg/errors/errors";

export function searchArgumentInvalid(message: string): AppError {
  return new AppError({ kind: "invalid_argument", reason: "SEARCH_ARGUMENT_INVALID", message });
}

export function searchIndexNotFound(index: string): AppError {
  return new AppError({
    kind: "not_found",
    reason: "SEARCH_INDEX_NOT_FOUND",
    message: `There is no search index ${index}.`,
  });
}

export function searchUrlUnknown(scheme: string): AppError {
  return new AppError({
    kind: "invalid_argument",
    reason: "SEARCH_URL_UNKNOWN",
    message: `No search adapter knows the scheme ${scheme}; expected postgres:.`,
  });
}
