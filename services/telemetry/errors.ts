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
  /** A view that came to no play session is known by its id, and says what was to be seen. */
  TELEMETRY_VIEW_INCOMPLETE: [
    "invalid_argument",
    (field: "view_id" | "title") => inField(field, "is needed where there is no play session"),
  ],
  /** Pictures that nobody was granted cannot have been seen. */
  TELEMETRY_EVENT_NEEDS_PLAY: [
    "invalid_argument",
    (index: number) => inField(`events[${index}]`, "can only be told with the play token of a session"),
  ],
  QUALITY_SPAN_INVALID: ["invalid_argument", () => inField("end_time", "must be later than start_time")],
});
