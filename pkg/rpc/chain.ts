/** The chain that every call passes, whatever transport it came by: the one list of steps, and what runs them. */

import type { Message } from "@bufbuild/protobuf";
import type { EndedSessions } from "#pkg/auth/ended-sessions";
import type { KeySets } from "#pkg/auth/keysets";
import type { Cache } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import type { Logger, Metrics } from "#pkg/obs/obs";
import { inSpan, type Tracer } from "#pkg/obs/trace";
import { callCanceled, deadlineExceeded } from "./errors.ts";
import type { PeerProof } from "./loopback.ts";
import type { ServerCall } from "./server-call.ts";
import { authenticationStep } from "./steps/authentication.ts";
import { authorizationStep } from "./steps/authorization.ts";
import { deadlineStep } from "./steps/deadline.ts";
import { errorsStep } from "./steps/errors.ts";
import { idempotencyStep } from "./steps/idempotency.ts";
import { logStep } from "./steps/log.ts";
import { peerStep } from "./steps/peer.ts";
import { type RateLimit, rateLimitStep } from "./steps/rate-limit.ts";
import type { Outcome, Step } from "./steps/step.ts";
import { traceStep } from "./steps/trace.ts";
import { validationStep } from "./steps/validation.ts";

export interface ChainOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly keySets: KeySets;
  readonly endedSessions: Pick<EndedSessions, "has">;
  readonly proof: PeerProof;
  readonly cache: Pick<Cache, "takeToken">;
  readonly rateLimit: RateLimit;
}

/** Outermost first. Errors lie inside the log, so that each failure is logged once with its final code. */
function newSteps(options: ChainOptions): readonly Step[] {
  return [
    traceStep(options.tracer),
    logStep(options),
    errorsStep(),
    deadlineStep(options.clock),
    peerStep(options.proof),
    authenticationStep(options),
    rateLimitStep({ cache: options.cache, log: options.log, standard: options.rateLimit }),
    authorizationStep(),
    validationStep(),
    idempotencyStep(),
  ];
}

export type UnaryHandler = (request: Message, call: ServerCall) => Promise<object>;
export type StreamHandler = (request: Message, call: ServerCall) => AsyncIterable<object>;

/** Every run rejects with an AppError and with nothing else. */
export interface Chain {
  unary(call: ServerCall, request: Message, handle: UnaryHandler): Promise<object>;
  stream(call: ServerCall, request: Message, handle: StreamHandler): AsyncGenerator<object, void, undefined>;
  route(call: ServerCall, handle: (call: ServerCall) => Promise<void>): Promise<void>;
  /** Ends running streams with the reason; with `all`, everything else too. */
  abort(which: "streams" | "all", reason: Error): void;
  /** Ends running streams of people whose sign-in session is one of these. */
  endStreamsOf(sessionIds: ReadonlySet<string>, reason: Error): void;
  /** How many calls are running. */
  readonly running: number;
}

export function newChain(options: ChainOptions): Chain {
  const steps = newSteps(options);
  const unaries = new Set<ServerCall>();
  const streams = new Set<ServerCall>();

  /** Returns how many steps were entered; throws `Refused` as an outcome through `progress`. */
  async function enter(call: ServerCall, progress: { entered: number }): Promise<void> {
    for (; progress.entered < steps.length; progress.entered++) {
      const pending = steps[progress.entered]?.enter?.(call);
      if (pending !== undefined) await pending;
    }
  }

  function leave(call: ServerCall, progress: { entered: number }, outcome: Outcome): void {
    for (let index = progress.entered - 1; index >= 0; index--) steps[index]?.leave?.(call, outcome);
    call.finish();
  }

  function armDeadline(call: ServerCall): NodeJS.Timeout | undefined {
    if (call.timeoutMs === undefined) return undefined;
    return setTimeout(() => call.abort(deadlineExceeded()), Math.max(0, call.timeoutMs));
  }

  async function run<T>(call: ServerCall, work: () => Promise<T>): Promise<T> {
    const progress = { entered: 0 };
    const outcome: Outcome = { error: undefined };
    const timer = armDeadline(call);
    let result: T | undefined;
    unaries.add(call);
    try {
      await enter(call, progress);
      result = await call.untilAborted(call.span === undefined ? work() : inSpan(call.span, work));
    } catch (error) {
      outcome.error = error ?? new Error("undefined was thrown");
    }
    unaries.delete(call);
    clearTimeout(timer);
    leave(call, progress, outcome);
    if (outcome.error !== undefined) throw outcome.error;
    return result as T;
  }

  async function* runStream(call: ServerCall, request: Message, handle: StreamHandler) {
    const progress = { entered: 0 };
    const outcome: Outcome = { error: undefined };
    const timer = armDeadline(call);
    let messages: AsyncIterator<object> | undefined;
    let ended = false;
    call.request = request;
    streams.add(call);
    try {
      // A stream must notice that its caller has gone, or it would run for ever.
      void call.signal;
      await enter(call, progress);
      const inside = <T>(work: () => T): T => (call.span === undefined ? work() : inSpan(call.span, work));
      const iterator = inside(() => handle(request, call)[Symbol.asyncIterator]());
      messages = iterator;
      for (;;) {
        if (call.abortReason !== undefined) throw call.abortReason;
        const next = await call.untilAborted(inside(() => iterator.next()));
        if (next.done === true) break;
        yield next.value;
      }
      ended = true;
    } catch (error) {
      ended = true;
      outcome.error = error ?? new Error("undefined was thrown");
    } finally {
      streams.delete(call);
      clearTimeout(timer);
      // The consumer stopped reading: it has gone.
      if (!ended) outcome.error = callCanceled();
      if (outcome.error !== undefined) {
        call.abort(outcome.error instanceof Error ? outcome.error : callCanceled());
        // Not awaited: a handler that ignores the signal would hold the caller.
        messages?.return?.().catch(() => {});
      }
      leave(call, progress, outcome);
    }
    if (outcome.error !== undefined) throw outcome.error;
  }

  return {
    unary: (call, request, handle) => {
      call.request = request;
      return run(call, () => handle(request, call));
    },
    stream: runStream,
    route: (call, handle) => run(call, () => handle(call)),
    abort(which, reason) {
      for (const call of streams) call.abort(reason);
      if (which === "all") for (const call of unaries) call.abort(reason);
    },
    endStreamsOf(sessionIds, reason) {
      for (const call of streams) {
        if (call.principal.kind === "user" && sessionIds.has(call.principal.sessionId)) call.abort(reason);
      }
    },
    get running() {
      return unaries.size + streams.size;
    },
  };
}
