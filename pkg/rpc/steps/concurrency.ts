/**
 * Limits what a caller from outside has open at once: streams of everybody, and every call of who is not signed in, so that
 * nobody keeps messages half sent in great numbers. Streams of all that are not signed in are limited together too.
 */

import { callerOf } from "../caller.ts";
import { errors } from "../errors.ts";
import type { ServerCall } from "../server-call.ts";
import type { Step } from "./step.ts";

export interface ConcurrencyLimits {
  readonly perCaller: number;
  /** Streams of all strangers; their other calls end by themselves. */
  readonly ofStrangers: number;
}

export function concurrencyStep(limits: ConcurrencyLimits): Step {
  const open = new Map<string, number>();
  let strangerStreams = 0;

  return {
    name: "concurrency",
    enter(call) {
      if (!isCounted(call)) return;
      const caller = callerOf(call);
      const held = open.get(caller) ?? 0;
      if (held >= limits.perCaller) throw errors.TOO_MANY_CALLS(limits.perCaller);
      const isStrangers = isStream(call) && call.principal.kind === "anyone";
      if (isStrangers && strangerStreams >= limits.ofStrangers) throw errors.STRANGERS_LIMITED();
      open.set(caller, held + 1);
      if (isStrangers) strangerStreams += 1;
    },
    leave(call) {
      if (!isCounted(call)) return;
      const caller = callerOf(call);
      const left = (open.get(caller) ?? 1) - 1;
      if (left === 0) open.delete(caller);
      else open.set(caller, left);
      if (isStream(call) && call.principal.kind === "anyone") strangerStreams -= 1;
    },
  };
}

function isCounted(call: ServerCall): boolean {
  if (call.peer !== undefined || call.target.method === undefined) return false;
  return isStream(call) || call.principal.kind === "anyone";
}

function isStream(call: ServerCall): boolean {
  const kind = call.target.method?.methodKind;
  return kind !== undefined && kind !== "unary";
}
