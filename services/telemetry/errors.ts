/** Telemetry's refusals, each reason written once. */

import { defineErrors, inField } from "#pkg/errors/errors";

export const errors = defineErrors({
  TELEMETRY_SESSION_MISMATCH: [
    "permission_denied",
    () => ({
      message: "This play token belongs to another session.",
      fields: [{ field: "play_session", description: "must be the session of the play token" }],
    }),
  ],
  QUALITY_SPAN_INVALID: ["invalid_argument", () => inField("end_time", "must be later than start_time")],
});
