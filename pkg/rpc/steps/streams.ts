/** Limits how many streams a caller from outside holds at once, and how many all that are not signed in hold together. */

import { callerOf } from "../caller.ts";
import { tooManyStreams } from "../errors.ts";
import type { ServerCall } from "../server-call.ts";
import type { Step } from "./step.ts";

export interface StreamLimits {
  readonly perCaller: number;
  readonly ofStrangers: number;
}

export function streamsStep(limits: StreamLimits): Step {
  const open = new Map<string, number>();
  let strangers = 0;

  function isCounted(call: ServerCall): boolean {
    const kind = call.target.method?.methodKind;
    return kind !== undefined && kind !== "unary" && call.peer === undefined;
  }

  return {
    name: "streams",
    enter(call) {
      if (!isCounted(call)) return;
      const caller = callerOf(call);
      const held = open.get(caller) ?? 0;
      if (held >= limits.perCaller) throw tooManyStreams(limits.perCaller);
      const stranger = call.principal.kind === "anyone";
      if (stranger && strangers >= limits.ofStrangers) throw tooManyStreams(limits.ofStrangers);
      open.set(caller, held + 1);
      if (stranger) strangers += 1;
    },
    leave(call) {
      if (!isCounted(call)) return;
      const caller = callerOf(call);
      const left = (open.get(caller) ?? 1) - 1;
      if (left === 0) open.delete(caller);
      else open.set(caller, left);
      if (call.principal.kind === "anyone") strangers -= 1;
    },
  };
}
