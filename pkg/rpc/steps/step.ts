/** One link of the chain. */

import type { ServerCall } from "../server-call.ts";

/** How a call ended; a step's `leave` may replace the error. */
export interface Outcome {
  /** Undefined where the call succeeded. */
  error: unknown;
}

/** `enter` runs on the way in and refuses by throwing; `leave` runs on the way out for every step that was entered. */
export interface Step {
  readonly name: string;
  readonly enter?: (call: ServerCall) => void | Promise<void>;
  /** Must not throw. */
  readonly leave?: (call: ServerCall, outcome: Outcome) => void;
}
