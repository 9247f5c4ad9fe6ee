/** Settings of the profile service. */

import { defineConfig } from "#pkg/config/spec";

export const profileConfig = defineConfig({
  accessTokenLife: { type: "duration", default: "15m", min: "1m", max: "1h", doc: "How long an access token lasts." },
  refreshTokenLife: {
    type: "duration",
    default: "30d",
    min: "1h",
    max: "365d",
    doc: "How long an unused session lasts.",
  },
  refreshGrace: {
    type: "duration",
    default: "30s",
    min: "0s",
    max: "5m",
    doc: "How long the refresh token before the last one is still taken.",
  },
  keyRotation: { type: "duration", default: "30d", min: "1h", max: "365d", doc: "How long a signing key signs." },
  defaultTier: {
    type: "choice",
    choices: ["basic", "standard", "premium"],
    default: "standard",
    doc: "Plan of a new account.",
  },
  operatorEmail: { type: "string", default: undefined, doc: "Address of the operator's account, made at start." },
  operatorPassword: { type: "string", default: undefined, secret: true, doc: "Password of the operator's account." },
});
