import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { EventEnvelopeSchema } from "#gen/matinee/common/v1/event_pb";
import { newId, systemClock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { migrationsFor as eventBusMigrations, openEventBus } from "#pkg/eventbus/open";
import { migrationsFor as eventLogMigrations, openEventLog } from "#pkg/eventlog/open";
import type { Logger } from "#pkg/obs/obs";
import { openQueue, migrationsFor as queueMigrations } from "#pkg/queue/open";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog } from "#pkg/testkit/postgres";
import { looping } from "#pkg/work/loop";
import { startEmbeddedPostgres } from "./embedded.ts";
import { migrate } from "./migrate.ts";
import { openPool } from "./pool.ts";
import { processStartTime } from "./processes.ts";
import { roleUrl } from "./roles.ts";
import { serverArgs } from "./server-process.ts";

describe("the embedded PostgreSQL", () => {
  let folder: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-embedded-"));
    await chmod(folder, 0o711);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await rm(folder, { recursive: true, maxRetries: 5 });
  });

  const start = () => startEmbeddedPostgres({ folder: join(folder, "postgres"), log: quietLog });
  const pool = (url: string) => openPool({ url, name: "test", log: quietLog });
  const isAlive = async (pid: number) => (await processStartTime(pid)) !== "";

  /** A host in a process of its own, to be killed. */
  async function startHost(): Promise<{ readonly child: ChildProcess; readonly url: string; readonly pid: number }> {
    const program = `
      import { startEmbeddedPostgres } from ${JSON.stringify(new URL("./embedded.ts", import.meta.url).href)};
      const quiet = () => undefined;
      const log = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => log };
      const server = await startEmbeddedPostgres({ folder: ${JSON.stringify(join(folder, "postgres"))}, log });
      console.log(JSON.stringify({ url: server.url, pid: server.pid }));
      setInterval(quiet, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: import.meta.dirname,
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line")) as [string];
    return { child, ...(JSON.parse(line) as { url: string; pid: number }) };
  }

  it("keeps what was committed over a restart, under its own password, which only its owner can read", async () => {
    {
      await using server = await start();
      await using db = pool(server.url);
      await db.execute("create table kept (id int)");
      await assert.rejects(pool(server.url.replace(/:[^:@]+@/, ":wrong@")).ping());
    }
    assert.equal((await stat(join(folder, "postgres/password"))).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, "postgres/cluster"))).mode & 0o077, 0);
    await using server = await start();
    await using db = pool(server.url);
    assert.deepEqual(await db.query("select * from kept"), []);
  });

  it("comes back under the same URL after kill -9, with all that was committed and nothing that was not", async () => {
    await using server = await start();
    await using db = pool(server.url);
    await db.execute("create table t (id int)");
    await db.execute("insert into t values (1)");
    const killed = server.pid;
    await assert.rejects(
      db.tx(async (tx) => {
        await tx.execute("insert into t values (2)");
        process.kill(killed, "SIGKILL");
        for (;;) await tx.query("select pg_sleep(0.01)");
      }),
    );
    // no retry here: the pool waits for the server
    assert.deepEqual(await db.query("select id from t"), [{ id: 1 }]);
    assert.notEqual(server.pid, killed);
  });

  it("comes back when it is killed again and again, until that is too often", async () => {
    await using server = await start();
    const killed: number[] = [];
    while (killed.length < 6) {
      const pid = await eventually("a server runs", async () => {
        return !killed.includes(server.pid) && (await isAlive(server.pid)) && server.pid;
      });
      killed.push(pid);
      process.kill(pid, "SIGKILL");
    }
    assert.ok(isAppError(await server.failed, "POSTGRES_NOT_STARTED"));
  });

  it("lets background work go on after an outage, and tells the log once", async () => {
    const said: string[] = [];
    const log: Logger = {
      ...quietLog,
      warn: (_fields, message) => void said.push(message),
      info: (_fields, message) => void said.push(message),
    };
    await using server = await start();
    await using db = openPool({ url: server.url, name: "test", log: quietLog, connectTimeoutMs: 0 });
    const stop = new AbortController();
    let rounds = 0;
    const work = async () => {
      await db.query("select 1");
      rounds += 1;
      return 1;
    };
    const polling = looping("test", work, { clock: systemClock, log }).run(stop.signal);
    await eventually("it works", () => rounds > 3);
    process.kill(server.pid, "SIGKILL");
    await eventually("it noticed and went on", () => said.length === 2);
    assert.deepEqual(said, ["background work is interrupted; trying again", "background work goes on"]);
    stop.abort();
    await polling;
  });

  it("brings events, messages and records to whoever waits for them over kill -9", async function () {
    // an event that was being handled comes again when its lease of 10 s runs out
    this.timeout(60_000);
    await using server = await start();
    const roleSecret = randomBytes(32);
    const plans = [
      { name: "port-eventbus", sets: eventBusMigrations("postgres:") },
      { name: "port-eventlog", sets: eventLogMigrations("postgres:") },
      { name: "port-queue", sets: queueMigrations("postgres:") },
    ];
    await migrate({ adminUrl: server.url, roleSecret, plans, log: quietLog });
    const deps = (name: string) => ({
      postgres: async () => pool(roleUrl(server.url, roleSecret, name)),
      clock: systemClock,
      log: quietLog,
    });
    await using bus = await openEventBus("postgres:", deps("port-eventbus"));
    await using eventLog = await openEventLog("postgres:", deps("port-eventlog"));
    await using queue = await openQueue("postgres:", deps("port-queue"));
    const stop = new AbortController();
    const seen = new Set<string>();
    await bus.register("c", ["t.T"]);
    const running = [
      bus.subscribe({ consumer: "c", types: ["t.T"], handle: async (event) => void seen.add(event.key) }, stop.signal),
      eventLog.consume("t", "g", async (batch) => batch.forEach((one) => void seen.add(one.key)), stop.signal),
    ];
    const say = async (text: string) => {
      const about = { id: newId(), type: "t.T", source: "s", key: `event ${text}`, occurTime: timestampNow() };
      await bus.publish([create(EventEnvelopeSchema, about)]);
      await eventLog.append("t", [{ key: `record ${text}`, value: new Uint8Array() }]);
      await queue.send("q", `message ${text}`);
    };
    const hear = async () => {
      for (const { body } of await queue.receive("q", { max: 10, waitSeconds: 1, visibilitySeconds: 60 }))
        seen.add(body);
    };
    const all = (text: string) => ["event", "record", "message"].map((kind) => `${kind} ${text}`);
    await say("before");
    process.kill(server.pid, "SIGKILL");
    await eventually("the database takes new ones", async () => {
      await say("after");
      return true;
    });
    await eventually("all of them came", async () => {
      await hear();
      return [...all("before"), ...all("after")].every((text) => seen.has(text));
    });
    stop.abort();
    await Promise.all(running);
  });

  it("goes when its host is killed, and the next host finds what was committed", async () => {
    const { child, url, pid } = await startHost();
    await using db = pool(url);
    await db.execute("create table kept as select 7 as id");
    child.kill("SIGKILL");
    await once(child, "exit");
    await using server = await start();
    assert.equal(await isAlive(pid), false);
    await using again = pool(server.url);
    assert.deepEqual(await again.query("select id from kept"), [{ id: 7 }]);
  });

  it("is refused to a second host while the first lives", async () => {
    const { child } = await startHost();
    await assert.rejects(start(), (error) => {
      return isAppError(error, "POSTGRES_FOLDER_IN_USE") && error.message.includes(`process ${child.pid}`);
    });
  });

  it("does not outlive its host's orderly end", async () => {
    const server = await start();
    const { pid } = server;
    await server[Symbol.asyncDispose]();
    assert.equal(await isAlive(pid), false);
    await server[Symbol.asyncDispose]();
  });

  it("refuses a folder that the server's user cannot reach, in one line that names it", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    await chmod(folder, 0o700);
    await assert.rejects(start(), (error) => {
      assert.ok(isAppError(error, "POSTGRES_FOLDER_UNREACHABLE"));
      return error.message.includes(join(folder, "postgres")) && !error.message.includes("\n");
    });
  });

  it("refuses a folder of another version of PostgreSQL, or one whose password is missing", async () => {
    await (await start())[Symbol.asyncDispose]();
    await rm(join(folder, "postgres/password"));
    await assert.rejects(
      start(),
      (error) => isAppError(error, "POSTGRES_FOLDER_FOREIGN") && /password/.test(error.message),
    );
  });

  it("begins anew where a host was killed while it made the cluster", async () => {
    await mkdir(join(folder, "postgres/cluster.making/data"), { recursive: true });
    await using server = await start();
    await using db = pool(server.url);
    await db.ping();
  });

  it("listens on the loopback interface only, and keeps data safe unless it is throw-away", () => {
    const durable = serverArgs({ cluster: "/c", port: 5, durability: "durable" });
    assert.deepEqual(durable.slice(0, 6), ["-D", "/c", "-c", "listen_addresses=127.0.0.1", "-c", "port=5"]);
    assert.ok(!durable.includes("fsync=off"));
    const throwaway = serverArgs({ cluster: "/c", port: 5, durability: "throwaway" });
    assert.ok(throwaway.includes("fsync=off"));
    // What was committed must outlive the server's process in tests as well.
    assert.ok(!throwaway.some((arg) => arg.startsWith("synchronous_commit")));
  });
});
