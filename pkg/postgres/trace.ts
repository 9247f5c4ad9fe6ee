/** Puts each statement into the trace that caused it. */

import { isSpanContextValid, type Span, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { printTraceparent } from "#pkg/obs/trace";

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

/** Lets the server's own log and pg_stat_activity name the trace (the sqlcommenter convention). */
function tag(sql: string, span: Span): string {
  const context = span.spanContext();
  const sampled = isSpanContextValid(context) && (context.traceFlags & TraceFlags.SAMPLED) !== 0;
  return sampled ? `${sql} /*traceparent='${printTraceparent(context)}'*/` : sql;
}

function verbOf(sql: string): string {
  return /^\s*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase() ?? "SQL";
}
