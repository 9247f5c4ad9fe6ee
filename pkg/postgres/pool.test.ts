import assert from "node:assert/strict";
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { isAppError } from "#pkg/errors/errors";
import { installContext } from "#pkg/obs/trace";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, testDb, testPostgresUrl } from "#pkg/testkit/postgres";
import { describeDb } from "./conformance.ts";
import { isConstraintViolation } from "./errors.ts";
import { openPool } from "./pool.ts";

describeDb("node-postgres pool", async () => (await testDb("pool")).db);

describe("a pool", () => {
  it("says that the database is unavailable when nothing answers, at once where it has no patience", async () => {
    await using db = openPool({
      url: "postgres://nobody:x@127.0.0.1:1/none",
      name: "test",
      log: quietLog,
      connectTimeoutMs: 50,
    });
    const unavailable = (error: unknown) => isAppError(error, "DATABASE_UNAVAILABLE") && error.kind === "unavailable";
    await assert.rejects(db.query("select 1"), unavailable);
    await assert.rejects(db.ping(), unavailable);
    await assert.rejects(
      db.tx(async () => undefined),
      unavailable,
    );
  });

  it("says that the database is full, by name and for a retry, and is not ready for a while", async () => {
    const { db } = await testDb("pool");
    const refuse = "do $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$";
    const isFull = (error: unknown) => isAppError(error, "OUT_OF_SPACE") && error.metadata.what === "the database";
    await db.ping();
    await assert.rejects(db.execute(refuse), isFull);
    await assert.rejects(
      db.tx((tx) => tx.execute(refuse)),
      isFull,
    );
    await assert.rejects(db.ping(), isFull);
  });

  it("goes on with a new connection when its own was cut off", async () => {
    const { db } = await testDb("pool");
    const [own] = await db.query<{ pid: number }>("select pg_backend_pid() as pid");
    await using admin = openPool({ url: await testPostgresUrl(), name: "admin", log: quietLog });
    await admin.query("select pg_terminate_backend($1)", [own?.pid]);
    await eventually("another connection answers", async () => {
      const [row] = await db.query<{ pid: number }>("select pg_backend_pid() as pid");
      return row !== undefined && row.pid !== own?.pid;
    });
  });

  it("listens again after its connection was cut off, and wakes for what it may have missed", async () => {
    const { db } = await testDb("pool-listener");
    const stop = new AbortController();
    const heard: string[] = [];
    const listening = db.listen("things", (payload) => void heard.push(payload), stop.signal);
    await eventually("listening has begun", () => heard.length === 1);
    await using admin = openPool({ url: await testPostgresUrl(), name: "admin", log: quietLog });
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'");
    await eventually("listening has begun anew", () => heard.length === 2);
    await db.query("select pg_notify(current_schema() || '.things', 'after')");
    await eventually("the notification came", () => heard.includes("after"));
    stop.abort();
    await listening;
  });

  it("ends a statement that takes longer than allowed", async () => {
    const { url } = await testDb("pool");
    await using db = openPool({ url, name: "test", log: quietLog, statementTimeoutMs: 50 });
    await assert.rejects(db.query("select pg_sleep(20)"), (error) => isAppError(error, "DATABASE_STATEMENT_TIMEOUT"));
    await db.ping();
  });

  it("lets a store recognise the constraint that a row broke", async () => {
    const { db } = await testDb("pool");
    await db.execute("create table t (id int constraint t_id unique)");
    await db.execute("insert into t values (1)");
    await assert.rejects(db.execute("insert into t values (1)"), (error) => {
      assert.ok(isConstraintViolation(error, "unique"));
      assert.ok(isConstraintViolation(error, "unique", "t_id"));
      assert.ok(!isConstraintViolation(error, "unique", "other"));
      return !isConstraintViolation(error, "foreign_key");
    });
  });

  it("can be disposed twice", async () => {
    const { db } = await testDb("pool");
    await db.ping();
    await db[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  });

  it("puts each statement into the active trace, and the trace into the statement", async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    // The context is the process's own: other tests go on with it.
    installContext();
    provider.register({ contextManager: null, propagator: null });
    try {
      const { db } = await testDb("pool");
      const parent = trace.getTracer("test").startSpan("request");
      const [row] = await context.with(trace.setSpan(ROOT_CONTEXT, parent), () =>
        db.query<{ query: string }>("select query from pg_stat_activity where pid = pg_backend_pid()"),
      );
      parent.end();
      await db.query("select 'outside of any trace'");
      const spans = exporter.getFinishedSpans().filter((span) => span.name.startsWith("SELECT"));
      assert.equal(spans.length, 1);
      const { traceId, spanId } = spans[0]?.spanContext() ?? {};
      assert.equal(traceId, parent.spanContext().traceId);
      assert.ok(row?.query.endsWith(`/*traceparent='00-${traceId}-${spanId}-01'*/`), row?.query);
    } finally {
      await provider.shutdown();
      trace.disable();
    }
  });
});
