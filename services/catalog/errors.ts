/** What the catalog refuses, each with its reason. */

import { AppError, type FieldViolation } from "#pkg/errors/errors";

export function titleNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "TITLE_NOT_FOUND", message: "there is no such title" });
}

export function titleChanged(): AppError {
  return new AppError({
    kind: "aborted",
    reason: "TITLE_CHANGED",
    message: "the title was changed by someone else meanwhile; load it again and repeat your change",
  });
}

export function titleIncomplete(fields: readonly FieldViolation[]): AppError {
  const list = fields.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new AppError({
    kind: "failed_precondition",
    reason: "TITLE_INCOMPLETE",
    message: `the title cannot be published yet (${list})`,
    fields,
  });
}

export function titleWrongState(state: string, action: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "TITLE_WRONG_STATE",
    message: `a title that is ${state} cannot be ${action}`,
    metadata: { state },
  });
}

export function filmNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "FILM_NOT_FOUND", message: "there is no such film" });
}

export function filmStreamsExhausted(limit: number): AppError {
  return new AppError({
    kind: "resource_exhausted",
    reason: "FILM_STREAMS_EXHAUSTED",
    message: `this account already has ${limit} open streams of films; close one first`,
    metadata: { limit: String(limit) },
    retryAfterMs: 5000,
  });
}

export function artworkNotFound(): AppError {
  return new AppError({ kind: "not_found", reason: "ARTWORK_NOT_FOUND", message: "there is no such picture" });
}

export function updateMaskInvalid(path: string): AppError {
  const description = `"${path}" cannot be changed`;
  return new AppError({
    kind: "invalid_argument",
    reason: "TITLE_UPDATE_MASK_INVALID",
    message: `update_mask: ${description}`,
    fields: [{ field: "update_mask", description }],
  });
}
