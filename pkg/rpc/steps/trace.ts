/** Gives every call a span that continues the caller's trace. */

import type { Tracer } from "#pkg/obs/trace";
import type { Step } from "./step.ts";

export function traceStep(tracer: Tracer): Step {
  return {
    name: "trace",
    enter(call) {
      call.span = tracer.start(call.target.name, "server", call.headers.traceparent);
    },
    leave(call, outcome) {
      call.span?.end(outcome.error instanceof Error ? outcome.error : undefined);
    },
  };
}
