/** The listener itself: health, reflection, limits, proxies. */

import assert from "node:assert/strict";
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Health } from "#gen/grpc/health/v1/health_pb";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb";
import { NotificationService } from "#gen/matinee/notification/v1/notification_service_pb";
import { defineModule, type Module } from "#pkg/app/module";
import { silentLogger } from "#pkg/obs/logger";
import { newMetrics } from "#pkg/obs/metrics";
import { eventually } from "#pkg/testkit/eventually";
import { fake, openModules } from "#pkg/testkit/module";
import { edge } from "./access.ts";
import { fromConnectError } from "./error-map.ts";
import { type Listener, type ListenLimits, listen } from "./listen.ts";
import { newProxies } from "./proxies.ts";

const routes = [{ method: "GET", path: "/whoami", access: edge("anyone") }] as const;

const notification: Module = defineModule({
  name: "notification",
  summary: "fixture",
  owns: [],
  config: {},
  serves: [NotificationService],
  routes,
  calls: [],
  needs: [],
  emits: [],
  consumes: [],
  open: async () => ({
    services: [fake(NotificationService, {})],
    routes: [
      {
        ...routes[0],
        handle: async (_request, response, call) => {
          response.end(call.remoteAddress);
        },
      },
    ],
  }),
});

function open(limits: Partial<ListenLimits>): Promise<Listener> {
  return listen({
    ...{ host: "127.0.0.1", port: 0, via: "public", proxies: newProxies([]) },
    ...{ log: silentLogger, metrics: newMetrics({ processMetrics: false }), limits },
  });
}

describe("a listener", () => {
  it("answers health checks by name, lists them and tells watchers when it goes", async () => {
    const platform = await openModules([notification]);
    const health = createClient(Health, createGrpcTransport({ baseUrl: platform.url }));
    assert.equal((await health.check({ service: NotificationService.typeName })).status, 1);
    await assert.rejects(health.check({ service: "nothing" }));
    assert.deepEqual(Object.keys((await health.list({})).statuses).sort(), ["", NotificationService.typeName]);
    const seen: number[] = [];
    let first: () => void = () => {};
    const started = new Promise<void>((resolve) => {
      first = resolve;
    });
    const watching = (async () => {
      for await (const { status } of health.watch({})) {
        seen.push(status);
        first();
      }
    })().catch(() => {});
    await started;
    await platform[Symbol.asyncDispose]();
    await watching;
    assert.deepEqual([...new Set(seen)], [1, 2]);
  });

  it("lets a network hold so many health watches and no more, and all networks together", async () => {
    const settings = { MAX_CALLS_PER_CALLER: "3", MAX_STREAMS_OF_STRANGERS: "5", TRUSTED_PROXIES: "127.0.0.1" };
    await using platform = await openModules([notification], { settings });
    const health = createClient(Health, createGrpcTransport({ baseUrl: platform.url }));
    const controller = new AbortController();
    const watch = async (from: string) => {
      const options = { headers: { "x-forwarded-for": from }, signal: controller.signal };
      const stream = health.watch({}, options)[Symbol.asyncIterator]();
      return stream.next().then(
        () => "watching",
        (error: unknown) => fromConnectError(error as never).reason,
      );
    };
    const refused = "TOO_MANY_CALLS";
    const answers = [];
    for (const from of ["a::1", "a::2", "a::3", "a::4", "b::1", "c::1", "d::1"]) answers.push(await watch(from));
    assert.deepEqual(answers, [
      "watching",
      "watching",
      "watching",
      refused,
      "watching",
      "watching",
      "STRANGERS_LIMITED",
    ]);
    controller.abort();
    await eventually("there is room again", async () => {
      const leaving = new AbortController();
      const options = { headers: { "x-forwarded-for": "d::1" }, signal: leaving.signal };
      const stream = health.watch({}, options)[Symbol.asyncIterator]();
      const isOpen = (await stream.next()).done === false;
      leaving.abort();
      return isOpen;
    });
  });

  it("describes its services by reflection", async () => {
    await using platform = await openModules([notification]);
    const reflection = createClient(ServerReflection, createGrpcTransport({ baseUrl: platform.internalUrl }));
    async function* ask() {
      yield { messageRequest: { case: "listServices" as const, value: "" } };
      yield {
        messageRequest: {
          case: "fileContainingSymbol" as const,
          value: `${NotificationService.typeName}.ListNotifications`,
        },
      };
      yield { messageRequest: { case: "fileContainingSymbol" as const, value: "no.such.Thing" } };
    }
    const answers = [];
    for await (const { messageResponse } of reflection.serverReflectionInfo(ask())) answers.push(messageResponse);
    const [list, file, unknown] = answers;
    assert.ok(list?.case === "listServicesResponse");
    assert.ok(list.value.service.some(({ name }) => name === NotificationService.typeName));
    assert.ok(file?.case === "fileDescriptorResponse");
    const names = file.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
    assert.ok(names.includes("matinee/notification/v1/notification_service.proto"));
    assert.ok(names.includes("buf/validate/validate.proto"));
    assert.equal(unknown?.case, "errorResponse");
    const outside = await fetch(`${platform.url}/${ServerReflection.typeName}/ServerReflectionInfo`, {
      method: "POST",
    });
    assert.equal(outside.status, 404);
  });

  it("serves raw routes over HTTP/2 on clear text too", async () => {
    await using platform = await openModules([notification]);
    const session = connect(platform.url);
    const stream = session.request({ ":path": "/whoami" });
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    assert.match(text, /127\.0\.0\.1$/);
    session.close();
  });

  it("believes X-Forwarded-For of a configured proxy only", async () => {
    const ask = async (settings: Record<string, string>) => {
      await using platform = await openModules([notification], { settings });
      const headers = { "x-forwarded-for": "203.0.113.9, 198.51.100.7, 10.0.0.3" };
      return (await fetch(`${platform.url}/whoami`, { headers })).text();
    };
    assert.match(await ask({}), /127\.0\.0\.1$/);
    assert.equal(await ask({ TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8" }), "198.51.100.7");
  });

  it("gives up on clients that never finish their headers, or say nothing at all", async () => {
    const listener = await open({ headersTimeoutMs: 200 });
    for (const start of ["", "PO", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "]) {
      let answer = "";
      await new Promise<void>((resolve) => {
        const socket = connectSocket(listener.port, "127.0.0.1", () => socket.write(start));
        socket.on("data", (chunk) => {
          answer += String(chunk);
        });
        socket.on("error", () => {});
        socket.on("close", () => resolve());
      });
      if (start.length > 3) assert.match(answer, /^HTTP\/1\.1 408 /);
    }
    await listener.drain(0);
  });

  it("lets a client cancel many streams of one connection, within its limits", async () => {
    await using platform = await openModules([notification]);
    const session = connect(platform.url);
    const failed = new Promise<unknown>((resolve) => session.once("error", resolve));
    for (let round = 0; round < 150; round++) {
      const stream = session.request({ ":path": "/whoami" });
      stream.on("error", () => {});
      stream.close(8);
    }
    const stream = session.request({ ":path": "/whoami" });
    let text = "";
    const served = (async () => {
      for await (const chunk of stream) text += String(chunk);
    })();
    await Promise.race([served, failed]);
    assert.match(text, /127\.0\.0\.1$/);
    session.close();
  });

  it("shows metrics inside only", async () => {
    await using platform = await openModules([notification]);
    await fetch(`${platform.url}/whoami`);
    const inside = await (await fetch(`${platform.internalUrl}/metrics`)).text();
    assert.match(inside, /rpc_server_calls_total\{target="GET \/whoami",transport="http",code="ok"\} 1/);
    // Where the web client is built, the public listener answers its page.
    assert.doesNotMatch(await (await fetch(`${platform.url}/metrics`)).text(), /rpc_server/);
  });
});
