/** Narrowing of a call's principal for use cases that work for one kind of caller. */

import type { Call, Principal } from "./call.ts";
import { errors } from "./errors.ts";

export type UserPrincipal = Extract<Principal, { kind: "user" }>;
export type PlaySessionPrincipal = Extract<Principal, { kind: "play_session" }>;

/** The signed-in account. Throws `ACCESS_DENIED` for every other caller. */
export function userOf(call: Call): UserPrincipal {
  if (call.principal.kind !== "user") throw errors.ACCESS_DENIED();
  return call.principal;
}

/** The signed-in account with its chosen profile. Throws `ACCESS_DENIED` or `PROFILE_REQUIRED`. */
export function profileOf(call: Call): UserPrincipal & { readonly profileId: string } {
  const user = userOf(call);
  const { profileId } = user;
  if (profileId === undefined) throw errors.PROFILE_REQUIRED();
  return { ...user, profileId };
}

/** The holder of a play token. Throws `ACCESS_DENIED` for every other caller. */
export function playSessionOf(call: Call): PlaySessionPrincipal {
  if (call.principal.kind !== "play_session") throw errors.ACCESS_DENIED();
  return call.principal;
}

/** The calling module, as itself. Throws `ACCESS_DENIED` for every other caller. */
export function moduleOf(call: Call): string {
  if (call.principal.kind !== "service") throw errors.ACCESS_DENIED();
  return call.principal.module;
}
