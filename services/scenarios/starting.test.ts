/** A service that is started before its database is there. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { freePorts } from "#pkg/testkit/ports";
import { testPostgresUrl } from "#pkg/testkit/postgres";
import { PlatformProcess } from "./processes.ts";

describe("a service that starts while PostgreSQL is away", function () {
  this.timeout(120_000);
  let data: string;

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), "matinee-starting-"));
  });
  afterEach(() => rm(data, { recursive: true, force: true }));

  async function startService(): Promise<{ readonly service: PlatformProcess; readonly databasePort: number }> {
    const [port = 0, databasePort = 0] = await freePorts(2);
    const url = new URL(await testPostgresUrl());
    url.port = String(databasePort);
    const service = new PlatformProcess({
      name: "recommendations",
      args: ["--target=recommendations"],
      env: {
        ...{ PATH: process.env.PATH ?? "", DATA: data, LISTEN: "off", MIGRATE: "start" },
        ...{
          INTERNAL_LISTEN: `127.0.0.1:${port}`,
          POSTGRES_URL: url.href,
          POSTGRES_ROLE_SECRET: "starting ".repeat(8),
        },
      },
      url: `http://127.0.0.1:${port}`,
    });
    service.start();
    await eventually("it says that it waits", () => service.lines.some((line) => line.includes("cannot start yet")));
    return { service, databasePort };
  }

  it("waits, says so once, and serves as soon as there is one", async () => {
    const { service, databasePort } = await startService();
    const database = new URL(await testPostgresUrl());
    const proxy = createServer((socket) => {
      const onward = connect(Number(database.port), database.hostname);
      for (const one of [socket, onward]) one.on("error", () => undefined);
      socket.pipe(onward).pipe(socket);
    });
    await new Promise<void>((done) => proxy.listen(databasePort, "127.0.0.1", done));
    try {
      await service.untilReady();
      assert.equal(service.lines.filter((line) => line.includes("cannot start yet")).length, 1);
      assert.equal(await service.stop(), "exit code 0");
    } finally {
      await service.kill("SIGKILL");
      proxy.close();
    }
  });

  it("ends when it is told to, though it has never served", async () => {
    const { service } = await startService();
    assert.equal(await service.stop(), "exit code 0");
  });
});
