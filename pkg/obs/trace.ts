/** Trace context: W3C ids that accompany a call through every process, with or without an exporter. */

import { randomFillSync } from "node:crypto";
import {
  context,
  isSpanContextValid,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

/** One timed piece of work in a trace. */
export interface Span {
  readonly otel: OtelSpan;
  /** 32 hex digits. */
  readonly traceId: string;
  /** W3C Trace Context header of work that this one causes. */
  readonly traceparent: string;
  /** Ends it; `error` marks it as failed. */
  end(error?: Error): void;
}

export type SpanKind = "server" | "client" | "consumer" | "internal";

export interface Tracer extends AsyncDisposable {
  /** `parent` is a W3C traceparent; what is not well formed is ignored and a new trace begins. */
  start(name: string, kind: SpanKind, parent: string | undefined): Span;
}

/** The ids of a traceparent header. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: string;
}

// https://www.w3.org/TR/trace-context/#traceparent-header-field-values
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Undefined where the header is absent, malformed or all zeros. */
export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  if (header === undefined) return undefined;
  const match = TRACEPARENT.exec(header);
  const [, traceId, spanId, flags] = match ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined || header.startsWith("ff")) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags };
}

let installed = false;

/** Makes trace context follow the asynchronous work of this process; the second time it does nothing. */
export function installContext(): void {
  if (installed) return;
  installed = true;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
}

/** Runs `work` so that spans, statements and log lines inside it belong to `span`. */
export function inSpan<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(ROOT_CONTEXT, span.otel), work);
}

/** The trace id that the running code belongs to. */
export function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

/** The W3C Trace Context header of work that the running code causes. */
export function currentTraceparent(): string | undefined {
  const active = trace.getActiveSpan()?.spanContext();
  return active !== undefined && isSpanContextValid(active) ? printTraceparent(active) : undefined;
}

export function printTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

// Random bytes by the pool: one call into the kernel for many ids.
const pool = Buffer.alloc(24 * 256);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString("hex", used, used + bytes);
  used += bytes;
  return hex;
}

/** Makes ids and exports nothing. */
export function openIdTracer(): Tracer {
  installContext();
  return {
    start(_name, _kind, parent) {
      const from = parseTraceparent(parent);
      const spanContext = {
        traceId: from?.traceId ?? randomHex(16),
        spanId: randomHex(8),
        traceFlags: from === undefined ? 0 : Number.parseInt(from.flags, 16),
      };
      return {
        otel: trace.wrapSpanContext(spanContext),
        traceId: spanContext.traceId,
        traceparent: printTraceparent(spanContext),
        end: () => {},
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}
