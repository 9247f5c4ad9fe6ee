/** Turns whatever was thrown into the AppError that the caller may see. */

import { ConnectError } from "@connectrpc/connect";
import { AppError } from "#pkg/errors/errors";
import { fromConnectError } from "../error-map.ts";
import { errors } from "../errors.ts";
import type { Step } from "./step.ts";

export function errorsStep(): Step {
  return {
    name: "errors",
    leave(call, outcome) {
      const { error } = outcome;
      if (error === undefined || error instanceof AppError) return;
      // An aborted call fails with whatever its last await threw; the caller is told why it was aborted.
      if (call.abortReason instanceof AppError) outcome.error = call.abortReason;
      else if (error instanceof ConnectError) outcome.error = fromConnectError(error);
      else outcome.error = errors.INTERNAL(call.traceId, error);
    },
  };
}
