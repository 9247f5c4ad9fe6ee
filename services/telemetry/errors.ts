/** Telemetry's refusals, each reason written once. */

import { AppError } from "#pkg/errors/errors";

export function telemetrySessionMismatch(): AppError {
  return new AppError({
    kind: "permission_denied",
    reason: "TELEMETRY_SESSION_MISMATCH",
    message: "This play token belongs to another session.",
    fields: [{ field: "play_session", description: "must be the session of the play token" }],
  });
}

export function qualitySpanInvalid(): AppError {
  const description = "must be later than start_time";
  return new AppError({
    kind: "invalid_argument",
    reason: "QUALITY_SPAN_INVALID",
    message: `end_time: ${description}`,
    fields: [{ field: "end_time", description }],
  });
}
