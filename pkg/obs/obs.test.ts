/** Logs, metrics and traces. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { newLogger } from "./logger.ts";
import { newMetrics } from "./metrics.ts";
import { openOtelTracer } from "./otel.ts";
import { currentTraceId, currentTraceparent, inSpan, openIdTracer, parseTraceparent } from "./trace.ts";

const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe("logs", () => {
  it("are JSON lines with the trace id, without what could log somebody in", async () => {
    const lines: string[] = [];
    const log = await newLogger({ level: "info", format: "json", destination: { write: (line) => lines.push(line) } });
    const span = openIdTracer().start("test", "internal", PARENT);
    inSpan(span, () =>
      log.child({ module: "catalog" }).info({ titleId: "t", headers: { authorization: "x" } }, "done"),
    );
    log.debug({}, "not written");
    log.error({ err: new Error("outer", { cause: new Error("inner") }), password: "hunter2" }, "failed");
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.length, 2);
    assert.equal(first?.message, "done");
    assert.equal(first?.module, "catalog");
    assert.equal(first?.traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert.deepEqual(first?.headers, { authorization: "[redacted]" });
    assert.equal(second?.level, "error");
    assert.ok(!lines.join("").includes("hunter2"));
    assert.match(JSON.stringify(second?.err), /inner/);
  });
});

describe("a logged error", () => {
  it("names the constraint that a row broke, and does not quote the row", async () => {
    const lines: string[] = [];
    const log = await newLogger({ level: "info", format: "json", destination: { write: (line) => lines.push(line) } });
    const broken = Object.assign(new Error("violates check constraint"), {
      constraint: "accounts_email",
      detail: "Failing row contains (ada@example.test, $argon2id$...).",
    });
    log.error({ err: broken }, "failed");
    log.error({ err: new Error("outer", { cause: broken }) }, "failed");
    assert.match(lines.join(""), /accounts_email.*accounts_email/s);
    assert.ok(!lines.join("").includes("ada@example.test"));
    assert.match(broken.detail, /ada/, "the error itself is left as it was");
  });
});

describe("metrics", () => {
  it("print in the Prometheus format; asking twice for an instrument gives the same one", async () => {
    const metrics = newMetrics({ processMetrics: false });
    metrics.counter("films_total", "Films", ["kind"]).add(2, { kind: "short" });
    metrics.counter("films_total", "Films", ["kind"]).add(1, { kind: "short" });
    metrics.histogram("wait_seconds", "Waiting", [0.1, 1]).record(0.5);
    const text = await metrics.print();
    assert.match(text, /films_total\{kind="short"\} 3/);
    assert.match(text, /wait_seconds_bucket\{le="1"\} 1/);
  });
});

describe("traces", () => {
  it("continue a well-formed parent and start anew from anything else", () => {
    const tracer = openIdTracer();
    const child = tracer.start("test", "server", PARENT);
    assert.equal(child.traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert.notEqual(child.traceparent, PARENT);
    assert.ok(child.traceparent.endsWith("-01"));
    for (const bad of ["", "x", `ff${PARENT.slice(2)}`, PARENT.replace(/[1-9a-f]/g, "0"), PARENT.toUpperCase()]) {
      assert.equal(parseTraceparent(bad), undefined, bad);
      assert.match(tracer.start("test", "server", bad).traceId, /^[0-9a-f]{32}$/);
    }
  });

  it("follow the work across awaits and nowhere else", async () => {
    const tracer = openIdTracer();
    const [one, two] = [tracer.start("1", "server", undefined), tracer.start("2", "server", undefined)];
    const seen = await Promise.all(
      [one, two].map((span) =>
        inSpan(span, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return [currentTraceId(), currentTraceparent()];
        }),
      ),
    );
    assert.deepEqual(seen, [
      [one.traceId, one.traceparent],
      [two.traceId, two.traceparent],
    ]);
    assert.equal(currentTraceId(), undefined);
  });

  it("reach a collector by OTLP over HTTP", async () => {
    const bodies: string[] = [];
    const collector = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += String(chunk);
      });
      request.on("end", () => {
        bodies.push(`${request.url} ${body}`);
        response.end("{}");
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    const tracer = openOtelTracer({ endpoint: `http://127.0.0.1:${port}`, serviceName: "matinee" });
    tracer.start("catalog/GetTitle", "server", PARENT).end();
    await tracer[Symbol.asyncDispose]();
    collector.close();
    collector.closeAllConnections();
    assert.match(bodies.join(), /^\/v1\/traces /);
    assert.match(bodies.join(), /4bf92f3577b34da6a3ce929d0e0e4736/);
    assert.match(bodies.join(), /catalog\/GetTitle/);
  });
});
