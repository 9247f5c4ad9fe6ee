/** Lets the caller through where the target's access rule admits it. */

import { assertNever } from "#pkg/errors/errors";
import type { AccessRule, Principal, PrincipalKind } from "../call.ts";
import { errors } from "../errors.ts";
import type { Step } from "./step.ts";

export function authorizationStep(): Step {
  return {
    name: "authorization",
    enter(call) {
      authorize(call.target.access, call.principal, call.peer);
    },
  };
}

/**
 * `peer` is the calling module, of which an internal rule admits those that it names. Where they may call as themselves,
 * they may with a person's token too; where the rule names people only, they need the token of one. Throws `SIGN_IN_REQUIRED`, `PROFILE_REQUIRED`, `PERMISSION_MISSING` or `ACCESS_DENIED`.
 */
export function authorize(rule: AccessRule, principal: Principal, peer: string | undefined): void {
  const isReached = rule.exposure === "edge" || (peer !== undefined && rule.callers.includes(peer));
  if (isReached && rule.principals.some((kind) => admits(rule, kind, principal, peer))) return;
  if (principal.kind === "anyone") throw errors.SIGN_IN_REQUIRED();
  if (principal.kind === "user") {
    if (rule.principals.includes("operator") && principal.roles.includes("operator")) {
      const missing = rule.permissions.find((permission) => !principal.permissions.includes(permission));
      if (missing !== undefined) throw errors.PERMISSION_MISSING(missing);
    }
    if (rule.principals.includes("profile") && principal.profileId === undefined) throw errors.PROFILE_REQUIRED();
  }
  throw errors.ACCESS_DENIED();
}

function admits(rule: AccessRule, kind: PrincipalKind, principal: Principal, peer: string | undefined): boolean {
  switch (kind) {
    case "anyone":
      return true;
    case "account":
      return principal.kind === "user";
    case "profile":
      return principal.kind === "user" && principal.profileId !== undefined;
    case "creator":
      return principal.kind === "user" && principal.roles.includes("creator");
    case "operator":
      return (
        principal.kind === "user" &&
        principal.roles.includes("operator") &&
        rule.permissions.every((permission) => principal.permissions.includes(permission))
      );
    case "play_session":
      return principal.kind === "play_session";
    case "service":
      return peer !== undefined && rule.callers.includes(peer);
    default:
      return assertNever(kind);
  }
}
