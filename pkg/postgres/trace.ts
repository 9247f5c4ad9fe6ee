/** Puts each statement into the trace that caused it. */

import { isSpanContextValid, type Span, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";

/** Runs `work` in a span of the active trace; without one it makes none, so that polling loops leave no traces. */
export async function tracedStatement<T>(
  name: string,
  sql: string,
  work: (taggedSql: string) => Promise<T>,
): Promise<T> {
  if (trace.getActiveSpan() === undefined) return work(sql);
  const span = trace.getTracer("matinee.postgres").startSpan(`${verbOf(sql)} ${name}`, {
    kind: SpanKind.CLIENT,
    // OpenTelemetry semantic conventions for database spans, stable since 1.33; values are never in the text
    attributes: { "db.system.name": "postgresql", "db.namespace": name, "db.query.text": sql },
  });
  try {
    return await work(tag(sql, span));
  } catch (error) {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** W3C trace context of the active span, or empty. */
export function activeTraceparent(): string {
  const span = trace.getActiveSpan();
  return span === undefined ? "" : traceparentOf(span);
}

function traceparentOf(span: Span): string {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return "";
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, "0")}`;
}

/** Lets the server's own log and pg_stat_activity name the trace (the sqlcommenter convention). */
function tag(sql: string, span: Span): string {
  const sampled = (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
  const traceparent = traceparentOf(span);
  return sampled && traceparent !== "" ? `${sql} /*traceparent='${traceparent}'*/` : sql;
}

function verbOf(sql: string): string {
  return /^\s*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase() ?? "SQL";
}
