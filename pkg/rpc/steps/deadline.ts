/** Says when the caller stops waiting. The chain's runner aborts the call then. */

import type { Clock } from "#pkg/clock/clock";
import { errors } from "../errors.ts";
import type { Step } from "./step.ts";

export function deadlineStep(clock: Clock): Step {
  return {
    name: "deadline",
    enter(call) {
      if (call.timeoutMs === undefined) return;
      if (call.timeoutMs <= 0) throw errors.DEADLINE_EXCEEDED();
      call.deadline = new Date(clock.now().getTime() + call.timeoutMs);
    },
  };
}

/** The largest timer that Node keeps; more is no limit. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds that the caller waits, from the headers of Connect or gRPC; undefined where it set no limit. */
export function parseTimeout(headers: Readonly<Record<string, string>>): number | undefined {
  const connect = headers["connect-timeout-ms"];
  if (connect !== undefined) return /^\d{1,10}$/.test(connect) ? Math.min(Number(connect), MAX_TIMER_MS) : undefined;
  // https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
  const match = /^(\d{1,8})([HMSmun])$/.exec(headers["grpc-timeout"] ?? "");
  const [, value, unit] = match ?? [];
  if (value === undefined || unit === undefined) return undefined;
  const factor = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }[unit] ?? 1;
  return Math.min(Math.ceil(Number(value) * factor), MAX_TIMER_MS);
}
