/** Whom limits count. */

import type { Call } from "./call.ts";
import { networkOf } from "./network.ts";

/** A person or a play wherever it comes from, so that many behind one address do not share a limit; else the network. */
export function callerOf(call: Call): string {
  const { principal } = call;
  if (principal.kind === "user") return principal.accountId;
  if (principal.kind === "play_session") return `play/${principal.claims.sub}`;
  return networkOf(call.remoteAddress);
}
