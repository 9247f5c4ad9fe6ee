/** The same calls over Connect, gRPC, gRPC-Web and in-process: same results, same errors. */

import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { HealthCheckRequestSchema, HealthCheckResponseSchema } from "#gen/grpc/health/v1/health_pb";
import {
  ListNotificationsRequestSchema,
  ListNotificationsResponseSchema,
  NotificationService,
  WatchNotificationsRequestSchema,
  WatchNotificationsResponseSchema,
} from "#gen/matinee/notification/v1/notification_service_pb";
import { defineModule, serve } from "#pkg/app/module";
import { AppError, isAppError } from "#pkg/errors/errors";
import { account, openModules, type TestPlatform } from "#pkg/testkit/module";
import type { Call } from "./call.ts";
import { fromConnectError } from "./error-map.ts";

const ID = "notifications/0190a5b4-7c1d-7000-8000-000000000001";

interface Behaviour {
  list: (call: Call) => Promise<{ unreadCount: number }>;
  watch: (call: Call) => AsyncIterable<{ notification?: { name: string } }>;
}

function fixture(behaviour: Partial<Behaviour>) {
  return defineModule({
    name: "notification",
    summary: "fixture",
    owns: [],
    config: {},
    serves: [NotificationService],
    routes: [],
    calls: [],
    needs: [],
    emits: [],
    consumes: [],
    async open() {
      return {
        services: [
          serve(NotificationService, {
            listNotifications: async (request, call) =>
              behaviour.list?.(call) ?? { notifications: [{ name: ID }], unreadCount: request.pageSize },
            watchNotifications: (_request, call) =>
              behaviour.watch?.(call) ??
              (async function* () {
                yield { notification: { name: ID } };
                yield {};
              })(),
            markNotificationsRead: async () => ({}),
          }),
        ],
      };
    },
  });
}

type Client = ReturnType<typeof createClient<typeof NotificationService>>;

/** The client of each transport, signed in. */
async function clients(platform: TestPlatform, token: string | undefined): Promise<Readonly<Record<string, Client>>> {
  const baseUrl = platform.url;
  const interceptors = [
    (next: Parameters<import("@connectrpc/connect").Interceptor>[0]) => (request: Parameters<typeof next>[0]) => {
      if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
      return next(request);
    },
  ];
  const json = { baseUrl, interceptors, useBinaryFormat: false } as const;
  return {
    "Connect JSON, HTTP/1.1": createClient(
      NotificationService,
      createConnectTransport({ ...json, httpVersion: "1.1" }),
    ),
    "Connect proto, HTTP/2": createClient(
      NotificationService,
      createConnectTransport({ baseUrl, interceptors, httpVersion: "2", useBinaryFormat: true }),
    ),
    gRPC: createClient(NotificationService, createGrpcTransport({ baseUrl, interceptors })),
    "gRPC-Web": createClient(
      NotificationService,
      createGrpcWebTransport({ baseUrl, interceptors, httpVersion: "1.1" }),
    ),
    "in-process": createClient(NotificationService, {
      unary: () => assert.fail("replaced below"),
      stream: () => assert.fail("replaced below"),
    }),
    ...(token === undefined ? { "in-process": platform.client(NotificationService) } : {}),
  };
}

async function thrown(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    return error instanceof AppError ? error : fromConnectError(error as never);
  }
  return assert.fail("nothing was thrown");
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

describe("a service on every transport", () => {
  const as = account();
  const behaviour: Partial<Behaviour> = {};
  let platform: TestPlatform;
  let everyone: Readonly<Record<string, Client>>;

  before(async () => {
    platform = await openModules([fixture(behaviour)]);
    everyone = {
      ...(await clients(platform, await platform.token(as as never))),
      "in-process": platform.client(NotificationService, { as }),
    };
  });

  after(() => platform[Symbol.asyncDispose]());

  afterEach(() => {
    delete behaviour.list;
    delete behaviour.watch;
  });

  async function everywhere(check: (client: Client, transport: string) => Promise<void>): Promise<void> {
    for (const [transport, client] of Object.entries(everyone)) {
      try {
        await check(client, transport);
      } catch (error) {
        throw new Error(`${transport}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  }

  it("answers a unary call alike", () =>
    everywhere(async (client) => {
      const response = await client.listNotifications({ pageSize: 7 });
      assert.equal(response.unreadCount, 7);
      assert.equal(response.notifications[0]?.name, ID);
    }));

  it("streams alike and ends the stream properly", () =>
    everywhere(async (client) => {
      const messages = await collect(client.watchNotifications({}));
      assert.deepEqual(
        messages.map((message) => message.notification?.name),
        [ID, undefined],
      );
    }));

  it("refuses a request that breaks its contract with the fields at fault", () =>
    everywhere(async (client) => {
      const error = await thrown(() => client.listNotifications({ pageSize: -1, pageToken: "x".repeat(2000) }));
      assert.equal(error.kind, "invalid_argument");
      assert.equal(error.reason, "VALIDATION_FAILED");
      assert.deepEqual(
        error.fields.map((field) => field.field),
        ["page_size", "page_token"],
      );
    }));

  it("carries an application error with kind, reason, metadata, fields and retry time", async () => {
    behaviour.list = async () => {
      throw new AppError({
        kind: "failed_precondition",
        reason: "TEST_ONLY",
        message: "100% of: titles/x",
        metadata: { limit: "3" },
        fields: [{ field: "names[0]", description: "is gone" }],
        retryAfterMs: 1500,
      });
    };
    await everywhere(async (client) => {
      const { kind, reason, message, metadata, fields, retryAfterMs } = await thrown(() =>
        client.listNotifications({}),
      );
      assert.deepEqual(
        { kind, reason, message, metadata, fields, retryAfterMs },
        {
          kind: "failed_precondition",
          reason: "TEST_ONLY",
          message: "100% of: titles/x",
          metadata: { limit: "3" },
          fields: [{ field: "names[0]", description: "is gone" }],
          retryAfterMs: 1500,
        },
      );
    });
  });

  it("hides what was not meant for the caller behind a trace id", async () => {
    behaviour.list = async () => {
      throw new Error("password=hunter2");
    };
    await everywhere(async (client) => {
      const error = await thrown(() => client.listNotifications({}));
      assert.equal(error.kind, "internal");
      assert.match(error.message, /^internal error, trace [0-9a-f]{32}$/);
      assert.ok(!JSON.stringify(error).includes("hunter2"));
    });
  });

  it("ends a stream with the error that its handler throws, after the messages before it", async () => {
    behaviour.watch = async function* () {
      yield { notification: { name: ID } };
      throw new AppError({ kind: "aborted", reason: "TEST_ONLY", message: "moved" });
    };
    await everywhere(async (client) => {
      let seen = 0;
      const error = await thrown(async () => {
        for await (const message of client.watchNotifications({})) if (message.notification) seen += 1;
      });
      assert.equal(seen, 1);
      assert.equal(error.kind, "aborted");
      assert.equal(error.reason, "TEST_ONLY");
    });
  });

  it("stops at the deadline even where the handler does not", async () => {
    behaviour.list = () => new Promise(() => {});
    await everywhere(async (client) => {
      const error = await thrown(() => client.listNotifications({}, { timeoutMs: 30 }));
      assert.equal(error.kind, "deadline_exceeded");
      assert.equal(error.reason, "DEADLINE_EXCEEDED");
    });
  });

  it("tells the handler of a stream that its caller has gone", async () => {
    await everywhere(async (client) => {
      let gone: (() => void) | undefined;
      const left = new Promise<void>((resolve) => {
        gone = resolve;
      });
      behaviour.watch = async function* (call) {
        try {
          yield { notification: { name: ID } };
          await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve(), { once: true }));
        } finally {
          gone?.();
        }
      };
      const controller = new AbortController();
      await thrown(async () => {
        for await (const _ of client.watchNotifications({}, { signal: controller.signal })) controller.abort();
      });
      await left;
    });
  });

  it("continues the caller's trace", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const seen: string[] = [];
    behaviour.list = async (call) => {
      seen.push(call.traceId);
      return { unreadCount: 0 };
    };
    await everywhere(async (client) => {
      await client.listNotifications({}, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
    });
    assert.deepEqual(new Set(seen), new Set([traceId]));
  });

  it("refuses whoever is not signed in, and a bad token even more", async () => {
    for (const [transport, client] of Object.entries(await clients(platform, undefined))) {
      assert.equal((await thrown(() => client.listNotifications({}))).reason, "SIGN_IN_REQUIRED", transport);
    }
    const bad = { headers: { authorization: "Bearer not.a.token" } };
    const error = await thrown(() => platform.client(NotificationService).listNotifications({}, bad));
    assert.equal(error.reason, "TOKEN_INVALID");
  });

  it("serves gRPC to an independent client, with details in the trailers", async () => {
    const client = new grpc.Client(new URL(platform.url).host, grpc.credentials.createInsecure());
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${await platform.token(as as never)}`);
    const list = (pageSize: number) =>
      new Promise<number>((resolve, reject) => {
        client.makeUnaryRequest(
          "/matinee.notification.v1.NotificationService/ListNotifications",
          (request: Parameters<typeof toBinary<typeof ListNotificationsRequestSchema>>[1]) =>
            Buffer.from(toBinary(ListNotificationsRequestSchema, request)),
          (bytes: Buffer) => fromBinary(ListNotificationsResponseSchema, bytes),
          create(ListNotificationsRequestSchema, { pageSize }),
          metadata,
          (error, response) => (error ? reject(error) : resolve(response?.unreadCount ?? 0)),
        );
      });
    assert.equal(await list(3), 3);
    await assert.rejects(list(-1), (error: grpc.ServiceError) => {
      assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
      assert.ok(error.metadata.get("grpc-status-details-bin").length > 0);
      return true;
    });
    const stream = client.makeServerStreamRequest(
      "/matinee.notification.v1.NotificationService/WatchNotifications",
      (request: Parameters<typeof toBinary<typeof WatchNotificationsRequestSchema>>[1]) =>
        Buffer.from(toBinary(WatchNotificationsRequestSchema, request)),
      (bytes: Buffer) => fromBinary(WatchNotificationsResponseSchema, bytes),
      create(WatchNotificationsRequestSchema, {}),
      metadata,
    );
    assert.equal((await collect(stream)).length, 2);
    const health = await new Promise<number>((resolve, reject) => {
      client.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        (request: Parameters<typeof toBinary<typeof HealthCheckRequestSchema>>[1]) =>
          Buffer.from(toBinary(HealthCheckRequestSchema, request)),
        (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes),
        create(HealthCheckRequestSchema, { service: NotificationService.typeName }),
        (error, response) => (error ? reject(error) : resolve(response?.status ?? 0)),
      );
    });
    assert.equal(health, 1);
    client.close();
  });

  it("refuses a body over the limit and goes on serving", async () => {
    const response = await fetch(`${platform.url}/matinee.notification.v1.NotificationService/ListNotifications`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${await platform.token(as as never)}` },
      body: JSON.stringify({ pageToken: "x".repeat(5 * 1024 * 1024) }),
    });
    assert.equal(response.status, 429);
    assert.equal(((await response.json()) as { code: string }).code, "resource_exhausted");
    await everywhere(async (client) => void (await client.listNotifications({})));
  });

  it("survives garbage on the port", async () => {
    const port = Number(new URL(platform.url).port);
    for (const garbage of [
      "\0\x01\x02\x03\xff\xfe",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage",
      "GET\r\n\r\n",
      "PR",
      "P",
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connectSocket(port, "127.0.0.1", () => socket.end(garbage));
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.resume();
      });
    }
    const odd = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connectSocket(port, "127.0.0.1", () =>
        socket.write(
          "POST /matinee.notification.v1.NotificationService/ListNotifications HTTP/1.1\r\nHost: a b[\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        ),
      );
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("close", () => resolve(text));
    });
    assert.match(odd, /^HTTP\/1\.1 400 /);
    await everywhere(async (client) => void (await client.listNotifications({})));
  });
});

describe("a host that closes", () => {
  it("lets a running call finish, ends streams as unavailable, and takes no new connection", async () => {
    const entered: (() => void)[] = [];
    const arrivals = [0, 1].map(() => new Promise<void>((resolve) => entered.push(resolve)));
    let release: (() => void) | undefined;
    const behaviour: Partial<Behaviour> = {
      list: async () => {
        entered[0]?.();
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return { unreadCount: 42 };
      },
      watch: async function* () {
        yield { notification: { name: ID } };
        entered[1]?.();
        await new Promise(() => {});
      },
    };
    const platform = await openModules([fixture(behaviour)]);
    const { gRPC } = await clients(platform, await platform.token(account() as never));
    assert.ok(gRPC !== undefined);
    const list = gRPC.listNotifications({});
    const watch = thrown(() => collect(gRPC.watchNotifications({})));
    await Promise.all(arrivals);
    const closed = platform[Symbol.asyncDispose]();
    assert.equal((await watch).kind, "unavailable");
    release?.();
    assert.equal((await list).unreadCount, 42);
    await closed;
    await assert.rejects(fetch(`${platform.url}/healthz`));
  });

  it("cuts what does not finish in time", async () => {
    let entered: (() => void) | undefined;
    const arrived = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const platform = await openModules(
      [
        fixture({
          list: () => {
            entered?.();
            return new Promise(() => {});
          },
        }),
      ],
      { settings: { GRACE_MS: "150ms" } },
    );
    const { gRPC } = await clients(platform, await platform.token(account() as never));
    const list = thrown(() => gRPC?.listNotifications({}) ?? Promise.resolve());
    await arrived;
    await platform[Symbol.asyncDispose]();
    assert.ok(isAppError(await list));
  });
});
