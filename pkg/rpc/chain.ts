/** The chain that every call passes, whatever transport it came by: the one list of steps, and what runs them. */

import type { Message } from "@bufbuild/protobuf";
import type { EndedSessions } from "#pkg/auth/ended-sessions";
import type { KeySets } from "#pkg/auth/keysets";
import type { Bucket } from "#pkg/cache/bucket";
import type { Cache } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import { AppError, type ErrorKind } from "#pkg/errors/errors";
import { isOutOfSpace } from "#pkg/errors/space";
import type { Logger, Metrics } from "#pkg/obs/obs";
import { inSpan, type Tracer } from "#pkg/obs/trace";
import type { Buckets } from "./buckets.ts";
import { COST } from "./conduct.ts";
import { errors } from "./errors.ts";
import type { PeerProof } from "./loopback.ts";
import type { ServerCall } from "./server-call.ts";
import { authenticationStep } from "./steps/authentication.ts";
import { authorizationStep } from "./steps/authorization.ts";
import { type ConcurrencyLimits, concurrencyStep } from "./steps/concurrency.ts";
import { deadlineStep } from "./steps/deadline.ts";
import { errorsStep } from "./steps/errors.ts";
import { idempotencyStep } from "./steps/idempotency.ts";
import { logStep } from "./steps/log.ts";
import { peerStep } from "./steps/peer.ts";
import { rateLimitStep } from "./steps/rate-limit.ts";
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
  readonly buckets: Pick<Buckets, "take" | "wait">;
  readonly cache: Pick<Cache, "takeToken">;
  readonly rateLimit: Bucket;
  readonly concurrency: ConcurrencyLimits;
}

/**
 * Outermost first. Errors lie inside the log, so that each failure is logged once with its final code. These see the
 * headers only: nothing of a message is touched before the last of them has let the call through.
 */
function stepsBeforeReading(options: ChainOptions): readonly Step[] {
  return [
    traceStep(options.tracer),
    logStep(options),
    errorsStep(),
    deadlineStep(options.clock),
    peerStep(options.proof),
    authenticationStep(options),
    rateLimitStep({ ...options, standard: options.rateLimit }),
    authorizationStep(),
    concurrencyStep(options.concurrency),
  ];
}

/** These see the message. */
function stepsAfterReading(): readonly Step[] {
  return [validationStep(), idempotencyStep()];
}

export type UnaryHandler = (request: Message, call: ServerCall) => Promise<object>;
export type StreamHandler<T = Message> = (request: T, call: ServerCall) => AsyncIterable<object>;

/** Receives, inflates and parses the message; called once, and only for a caller that was let through. */
export type Read<T = Message> = () => T | Promise<T>;

/** Every run rejects with an AppError and with nothing else. */
export interface Chain {
  unary(call: ServerCall, read: Read, handle: UnaryHandler): Promise<object>;
  /** `read` answers undefined where the messages come one by one; they are then not validated. */
  stream<T extends Message | undefined>(
    call: ServerCall,
    read: Read<T>,
    handle: StreamHandler<T>,
  ): AsyncGenerator<object, void, undefined>;
  route(call: ServerCall, handle: (call: ServerCall) => Promise<void>): Promise<void>;
  /** Ends running streams with the reason; with `all`, everything else too. */
  abort(which: "streams" | "all", reason: Error): void;
  /** Ends running streams of people whose sign-in session is one of these. */
  endStreamsOf(sessionIds: ReadonlySet<string>, reason: Error): void;
  /** How many calls are running. */
  readonly running: number;
}

/** How far a call has come. */
interface Progress {
  entered: number;
}

/** What a stranger asks in vain by his own fault; that time runs out may be ours. */
const FAULTS: ReadonlySet<ErrorKind> = new Set([
  ...(["invalid_argument", "unauthenticated", "permission_denied", "not_found"] as const),
  ...(["resource_exhausted", "unimplemented"] as const),
]);
/** Reasons that say that something was good once, such as TOKEN_EXPIRED: whoever comes with it is no stranger. */
const WAS_GOOD = /_(?:EXPIRED|ENDED)$/;

/** Whoever meets these asks for more while he has all that he may have. */
const IMPATIENT: ReadonlySet<string> = new Set(["RATE_LIMITED", "TOO_MANY_CALLS"]);

/** What the call costs the conduct of its network. Others than strangers are blamed only for not waiting when told to. */
function costOf({ principal }: ServerCall, error: unknown): number {
  if (!(error instanceof AppError)) return 0;
  const isStranger = principal.kind === "anyone";
  if (IMPATIENT.has(error.reason)) return isStranger ? COST.impatient : COST.refused;
  const isFault = FAULTS.has(error.kind) || error.reason === "MESSAGE_TOO_SLOW";
  return isStranger && isFault && !WAS_GOOD.test(error.reason) && !isOutOfSpace(error) ? COST.refused : 0;
}

export function newChain(options: ChainOptions): Chain {
  const before = stepsBeforeReading(options);
  const steps = [...before, ...stepsAfterReading()];
  const unaries = new Set<ServerCall>();
  const streams = new Set<ServerCall>();

  /** Enters steps up to `end`, without a promise as long as none of them needs one. Throws what a step refuses with. */
  function enter(call: ServerCall, progress: Progress, end: number): void | Promise<void> {
    while (progress.entered < end) {
      const pending = steps[progress.entered]?.enter?.(call);
      if (pending !== undefined) return pending.then(() => enterNext(call, progress, end));
      progress.entered += 1;
    }
  }

  function enterNext(call: ServerCall, progress: Progress, end: number): void | Promise<void> {
    progress.entered += 1;
    return enter(call, progress, end);
  }

  /** The message of a caller that was let through, checked. */
  async function receive<T extends Message | undefined>(
    call: ServerCall,
    progress: Progress,
    read: Read<T>,
  ): Promise<T> {
    const request = await read();
    call.request = request;
    const checking = enter(call, progress, steps.length);
    if (checking !== undefined) await checking;
    return request;
  }

  function leave(call: ServerCall, progress: Progress, outcome: Outcome): void {
    for (let index = progress.entered - 1; index >= 0; index--) steps[index]?.leave?.(call, outcome);
    const cost = costOf(call, outcome.error);
    if (cost > 0) call.blame?.(cost);
    call.finish();
  }

  function armDeadline(call: ServerCall): NodeJS.Timeout | undefined {
    if (call.timeoutMs === undefined) return undefined;
    return setTimeout(() => call.abort(errors.DEADLINE_EXCEEDED()), Math.max(0, call.timeoutMs));
  }

  async function run<T>(call: ServerCall, work: (progress: Progress) => Promise<T>): Promise<T> {
    const progress = { entered: 0 };
    const outcome: Outcome = { error: undefined };
    const timer = armDeadline(call);
    let result: T | undefined;
    unaries.add(call);
    try {
      const entering = enter(call, progress, before.length);
      if (entering !== undefined) await entering;
      const working = call.span === undefined ? work(progress) : inSpan(call.span, () => work(progress));
      result = await call.untilAborted(working);
    } catch (error) {
      outcome.error = error ?? new Error("undefined was thrown");
    }
    unaries.delete(call);
    clearTimeout(timer);
    leave(call, progress, outcome);
    if (outcome.error !== undefined) throw outcome.error;
    return result as T;
  }

  async function* runStream<T extends Message | undefined>(
    call: ServerCall,
    read: Read<T>,
    handle: StreamHandler<T>,
  ): AsyncGenerator<object, void, undefined> {
    const progress = { entered: 0 };
    const outcome: Outcome = { error: undefined };
    const timer = armDeadline(call);
    let messages: AsyncIterator<object> | undefined;
    let ended = false;
    streams.add(call);
    try {
      // A stream must notice that its caller has gone, or it would run for ever.
      void call.signal;
      const entering = enter(call, progress, before.length);
      if (entering !== undefined) await entering;
      const inside = <R>(work: () => R): R => (call.span === undefined ? work() : inSpan(call.span, work));
      const request = await call.untilAborted(inside(() => receive(call, progress, read)));
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
      if (!ended) outcome.error = errors.CALL_CANCELED();
      if (outcome.error !== undefined) {
        call.abort(outcome.error instanceof Error ? outcome.error : errors.CALL_CANCELED());
        // Not awaited: a handler that ignores the signal would hold the caller.
        messages?.return?.().catch(() => {});
      }
      leave(call, progress, outcome);
    }
    if (outcome.error !== undefined) throw outcome.error;
  }

  return {
    unary: (call, read, handle) => run(call, async (progress) => handle(await receive(call, progress, read), call)),
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
