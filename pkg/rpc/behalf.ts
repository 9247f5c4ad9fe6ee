/** Calls made for a person: their token, and with a call also its signal and what is left of its deadline. */

import type { CallOptions } from "@connectrpc/connect";
import { systemClock } from "#pkg/clock/clock";
import type { Call, Principal } from "./call.ts";

/** Options for a peer's client. For a principal without a token the module calls as itself. */
export function onBehalfOf(caller: Call | Principal): CallOptions {
  if (!("target" in caller)) return headersOf(caller);
  return {
    ...headersOf(caller.principal),
    signal: caller.signal,
    // The clock of this process set the deadline, so the difference is meaningful here.
    ...(caller.deadline === undefined
      ? {}
      : { timeoutMs: Math.max(1, caller.deadline.getTime() - systemClock.now().getTime()) }),
  };
}

function headersOf(principal: Principal): CallOptions {
  return "token" in principal ? { headers: { authorization: `Bearer ${principal.token}` } } : {};
}
