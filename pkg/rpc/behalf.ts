/** Calls to another module that are made for the person who called this one. */

import type { Call } from "./call.ts";

/** What such a call is made with: it ends with the person's own, and carries their token, which the callee verifies again. */
export interface OnBehalf {
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
}

/** For whoever called; a module that called as itself is passed on by no token. */
export function onBehalfOf({ principal, signal }: Call): OnBehalf {
  return { signal, headers: "token" in principal ? { authorization: `Bearer ${principal.token}` } : {} };
}
