/** Counts, times and logs every call once, with its final code. */

import type { Clock } from "#pkg/clock/clock";
import { AppError } from "#pkg/errors/errors";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { ServerCall } from "../server-call.ts";
import type { Step } from "./step.ts";

/** Seconds: from a cache hit to a long poll. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function logStep(options: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics }): Step {
  const handled = options.metrics.counter("rpc_server_calls_total", "Calls that ended, by target and code", [
    "target",
    "transport",
    "code",
  ]);
  const seconds = options.metrics.histogram(
    "rpc_server_duration_seconds",
    "Time from a call's arrival to its end, by target",
    BUCKETS_S,
    ["target"],
  );
  return {
    name: "log",
    enter(call) {
      call.startedAtMs = options.clock.now().getTime();
    },
    leave(call, outcome) {
      const tookMs = options.clock.now().getTime() - call.startedAtMs;
      const error = outcome.error instanceof AppError ? outcome.error : undefined;
      const code = error?.kind ?? (outcome.error === undefined ? "ok" : "internal");
      handled.add(1, { target: call.target.name, transport: call.transport, code });
      seconds.record(tookMs / 1000, { target: call.target.name });
      const fields = {
        target: call.target.name,
        module: call.target.module,
        transport: call.transport,
        peer: call.peer,
        principal: principalText(call),
        code,
        tookMs,
        traceId: call.traceId,
        ...(error === undefined ? {} : { reason: error.reason, detail: error.message }),
      };
      if (code === "internal") options.log.error({ ...fields, err: error?.cause ?? outcome.error }, "call failed");
      else if (code === "unavailable" && error?.cause !== undefined) {
        options.log.warn({ ...fields, err: error.cause }, "call ended");
      } else options.log.debug(fields, "call ended");
    },
  };
}

function principalText(call: ServerCall): string {
  const { principal } = call;
  switch (principal.kind) {
    case "user":
      return `account ${principal.accountId}`;
    case "service":
      return `module ${principal.module}`;
    default:
      return principal.kind;
  }
}
