/** Traces exported by OTLP over HTTP, through OpenTelemetry. */

import { type Context, SpanKind as OtelKind, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import { installContext, parseTraceparent, printTraceparent, type SpanKind, type Tracer } from "./trace.ts";

const KINDS: Readonly<Record<SpanKind, OtelKind>> = {
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  consumer: OtelKind.CONSUMER,
  internal: OtelKind.INTERNAL,
};

/** `endpoint` is the collector's base URL, such as `http://localhost:4318`. */
export function openOtelTracer(options: { readonly endpoint: string; readonly serviceName: string }): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${options.endpoint.replace(/\/$/, "")}/v1/traces` });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: options.serviceName }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  // Libraries that trace by themselves find this provider; ours keeps the context.
  installContext();
  provider.register({ contextManager: null, propagator: null });
  const tracer = provider.getTracer("matinee");
  return {
    start(name, kind, parent) {
      const span = tracer.startSpan(name, { kind: KINDS[kind] }, contextOf(parent));
      return {
        otel: span,
        traceId: span.spanContext().traceId,
        traceparent: printTraceparent(span.spanContext()),
        end(error) {
          if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
          span.end();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      // Nobody finds a provider that exports nothing any more.
      trace.disable();
      await provider.shutdown();
    },
  };
}

function contextOf(parent: string | undefined): Context {
  const from = parseTraceparent(parent);
  if (from === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: from.traceId,
    spanId: from.spanId,
    // A browser that does not sample still starts traces that the operator wants to see.
    traceFlags: 1,
    isRemote: true,
  });
}
