/** What is read of a message, for whom, and what is said where it cannot be read. */

import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Health } from "#gen/grpc/health/v1/health_pb";
import {
  ListNotificationsRequestSchema,
  NotificationService,
} from "#gen/matinee/notification/v1/notification_service_pb";
import { defineModule } from "#pkg/app/module";
import { eventually } from "#pkg/testkit/eventually";
import { account, fake, openModules, type TestPlatform } from "#pkg/testkit/module";

const LIST = `/${NotificationService.typeName}/ListNotifications`;
const WATCH = `/${NotificationService.typeName}/WatchNotifications`;
/** A 1 MiB message of empty arrays, which takes longest to parse, in about 1 kB. */
const BOMB = gzipSync(`{"x":[${"[],".repeat(349_000)}[]]}`);

let handled = 0;
const notification = defineModule({
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
  open: async () => ({
    services: [
      fake(NotificationService, {
        listNotifications: async (request) => {
          handled += 1;
          return { unreadCount: request.pageSize };
        },
        watchNotifications: async function* () {
          handled += 1;
          yield {};
        },
      }),
    ],
  }),
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Everything that a socket answers until it is closed, or until what was asked for has come. */
async function send(url: string, text: string | readonly (string | Uint8Array)[]): Promise<Answer> {
  const socket = connectSocket(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  for (const part of [text].flat()) socket.write(part);
  let all = "";
  for await (const chunk of socket) {
    all += String(chunk);
    const [head = "", body] = all.split("\r\n\r\n");
    const [, length] = /content-length: (\d+)/i.exec(head) ?? [];
    if (body !== undefined && length !== undefined && body.length >= Number(length)) break;
  }
  const [head = "", body = ""] = all.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = "", value = ""] = line.split(": ");
      return [name.toLowerCase(), value];
    }),
  );
  return { status: Number(first.split(" ")[1]), headers, body };
}

function reasonOf(answer: { readonly body: string }): string {
  return JSON.parse(answer.body).details[0].debug.reason;
}

const head = (path: string, headers: Readonly<Record<string, string>>) =>
  [
    `POST ${path} HTTP/1.1`,
    "Host: x",
    ...Object.entries({ "content-type": "application/json", ...headers }).map(([name, value]) => `${name}: ${value}`),
    "\r\n",
  ].join("\r\n");

describe("a message", () => {
  let platform: TestPlatform;
  let authorization: string;

  before(async () => {
    platform = await openModules([notification]);
    authorization = `Bearer ${await platform.token(account() as never)}`;
  });

  after(() => platform[Symbol.asyncDispose]());

  it("is not read of a stranger: the answer comes before its first byte, in each protocol", async () => {
    const types = {
      [LIST]: ["application/json", "application/proto", "application/grpc", "application/grpc-web+proto"],
      [WATCH]: ["application/connect+json", "application/grpc", "application/grpc-web"],
    };
    for (const [path, list] of Object.entries(types)) {
      for (const type of list) {
        const answer = await send(platform.url, head(path, { "content-type": type, "content-length": "1000000" }));
        const said = `${path} ${type}`;
        const isWeb = type.startsWith("application/grpc");
        if (type === "application/json") {
          assert.equal(answer.status, 401, said);
          assert.equal(reasonOf(answer), "SIGN_IN_REQUIRED", said);
        } else if (isWeb) assert.match(JSON.stringify(answer), /grpc-status: ?16|SIGN_IN|sign/i, said);
        else assert.match(JSON.stringify(answer), /unauthenticated/, said);
        assert.equal(answer.headers["cache-control"], "no-store", said);
        assert.equal(answer.headers["x-content-type-options"], "nosniff", said);
        assert.equal(answer.headers.connection, "close", said);
      }
    }
  });

  it("is not inflated for a stranger, and floods of them are told to wait", async () => {
    const limited = await openModules([notification], {
      limited: true,
      settings: { RATE_LIMIT_PER_SECOND: "0.1", RATE_LIMIT_BURST: "20", MAX_REFUSALS_PER_NETWORK: "1000000" },
    });
    const packed = { "content-encoding": "gzip", "content-length": String(BOMB.length) };
    const bomb = head(LIST, packed);
    let inflations = 0;
    const hook = createHook({
      init(_id, type) {
        if (type === "ZLIB") inflations += 1;
      },
    }).enable();
    const answers = await Promise.all(Array.from({ length: 60 }, () => send(limited.url, [bomb, BOMB])));
    const statuses = answers.map(({ status }) => status);
    assert.deepEqual([...new Set(statuses)].sort(), [401, 429]);
    assert.equal(statuses.filter((status) => status === 429).length, 40);
    assert.equal(inflations, 0);
    const known = { ...packed, authorization: `Bearer ${await limited.token(account() as never)}` };
    await send(limited.url, [head(LIST, known), BOMB]);
    hook.disable();
    assert.ok(inflations > 0);
    const forged = head(LIST, { authorization: "Bearer a.b.c", "content-length": "2" });
    const tries = await Promise.all(Array.from({ length: 130 }, () => send(limited.url, `${forged}{}`)));
    const refused = tries.map(({ status }) => status);
    assert.ok(refused.includes(401) && refused.includes(429));
    await limited[Symbol.asyncDispose]();
  });

  it("is not even looked at in the same process before its caller is let through", async () => {
    let looks = 0;
    const trap = {
      get pageSize() {
        looks += 1;
        return 7;
      },
    };
    await assert.rejects(platform.client(NotificationService).listNotifications(trap));
    assert.equal(looks, 0);
    const known = platform.client(NotificationService, { as: account() });
    assert.equal((await known.listNotifications(trap)).unreadCount, 7);
  });

  it("is taken uncompressed where anyone may call, and compressed from who is known", async () => {
    const path = `/${Health.typeName}/Check`;
    const packed = gzipSync("{}");
    const headers = { "content-encoding": "gzip", "content-length": String(packed.length) };
    const stranger = await send(platform.url, [head(path, headers), packed]);
    assert.equal(stranger.status, 501);
    assert.equal(reasonOf(stranger), "COMPRESSION_REFUSED");
    assert.equal((await send(platform.url, `${head(path, { "content-length": "2" })}{}`)).status, 200);
    const query = `${path.replace("Check", "List")}?encoding=json&message=%7B%7D&compression=gzip`;
    assert.notEqual((await fetch(`${platform.url}${query}`)).status, 200);
    const message = gzipSync('{"pageSize":7}');
    const known = { authorization, "content-encoding": "gzip", "content-length": String(message.length) };
    assert.match((await send(platform.url, [head(LIST, known), message])).body, /"unreadCount":7/);
  });

  it("is refused with a reason of ours and no word of the parser", async () => {
    const before = handled;
    const post = async (type: string, body: string | Uint8Array<ArrayBuffer>, more = {}) => {
      const response = await fetch(`${platform.url}${LIST}`, {
        method: "POST",
        headers: { "content-type": type, authorization, ...more },
        body,
      });
      const text = await response.text();
      return { status: response.status, reason: reasonOf({ body: text }), text };
    };
    const valid = toBinary(ListNotificationsRequestSchema, create(ListNotificationsRequestSchema, { pageSize: 3 }));
    for (const [type, body, more] of [
      ["application/json", "{", {}],
      ["application/json", '{"pageSize":"many"}', {}],
      ["application/json", "\xff\xfe", {}],
      ["application/proto", new Uint8Array([0x12, 0x7f, 0x61]), {}],
      ["application/proto", new Uint8Array([...valid, 0x07]), {}],
      ["application/json", "no gzip", { "content-encoding": "gzip" }],
    ] as const) {
      const answer = await post(type, body, more);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.reason, "MESSAGE_MALFORMED");
      assert.doesNotMatch(answer.text, /parse|JSON at|position|wire|unexpected/i);
    }
    const inflated = await post("application/json", gzipSync(" ".repeat(2_000_000)), { "content-encoding": "gzip" });
    assert.equal(inflated.reason, "MESSAGE_TOO_LARGE");
    const long = await post("application/json", `{"pageToken":"${"x".repeat(2_000_000)}"}`);
    assert.deepEqual([long.status, long.reason], [429, "MESSAGE_TOO_LARGE"]);
    assert.equal(handled, before);
  });

  it("that is malformed ends a gRPC call with its status and details", async () => {
    const session = connectHttp2(platform.url);
    const stream = session.request({
      ":method": "POST",
      ":path": LIST,
      "content-type": "application/grpc",
      te: "trailers",
      authorization,
    });
    stream.end(Buffer.from([0, 0, 0, 0, 2, 0x12, 0x7f]));
    const [headers] = (await once(stream, "response")) as [Record<string, string>];
    const trailers = new Promise<Record<string, string>>((resolve) => {
      stream.once("trailers", resolve);
      stream.once("end", () => resolve(headers));
    });
    stream.resume();
    const { "grpc-status": status, "grpc-message": message = "" } = await trailers;
    assert.equal(status, "3");
    assert.match(decodeURIComponent(message), /^the body is not a message/);
    session.close();
  });

  it("is refused in a method or a content type that no protocol has, with a reason", async () => {
    const text = await fetch(`${platform.url}${LIST}`, {
      method: "POST",
      headers: { "content-type": "text/plain", authorization },
      body: "hello",
    });
    assert.equal(text.status, 415);
    assert.equal(reasonOf({ body: await text.text() }), "MEDIA_TYPE_UNSUPPORTED");
    const put = await fetch(`${platform.url}${LIST}`, { method: "PUT", headers: { authorization }, body: "{}" });
    assert.equal(put.status, 405);
    assert.equal(reasonOf({ body: await put.text() }), "METHOD_NOT_ALLOWED");
    const stranger = await fetch(`${platform.url}${LIST}`, { method: "PUT", body: "{}" });
    assert.equal(stranger.status, 401);
  });

  it("that does not come in whole is given up with a reason, whoever sends it", async () => {
    const slow = await openModules([notification], { settings: { MESSAGE_TIMEOUT: "100ms" } });
    const token = `Bearer ${await slow.token(account() as never)}`;
    for (const path of [LIST, `/${Health.typeName}/Check`]) {
      const answer = await send(slow.url, `${head(path, { authorization: token, "content-length": "9" })}{`);
      assert.equal(answer.status, 504);
      assert.equal(reasonOf(answer), "MESSAGE_TOO_SLOW");
      assert.equal(answer.headers.connection, "close");
    }
    await slow[Symbol.asyncDispose]();
  });

  it("is waited for of so many strangers of one network, and of no more", async () => {
    await using few = await openModules([notification], { settings: { MAX_CALLS_PER_CALLER: "5" } });
    const path = `/${Health.typeName}/Check`;
    const half = `${head(path, { "content-length": "9" })}{`;
    const held = Array.from({ length: 5 }, () => connectSocket(Number(new URL(few.url).port), "127.0.0.1"));
    for (const socket of held) socket.on("error", () => {}).write(half);
    await eventually("the next is refused", async () => {
      const answer = await send(few.url, `${head(path, { "content-length": "2" })}{}`);
      return answer.status === 429 && reasonOf(answer) === "TOO_MANY_CALLS";
    });
    for (const socket of held) socket.destroy();
    await eventually("there is room again", async () => {
      return (await send(few.url, `${head(path, { "content-length": "2" })}{}`)).status === 200;
    });
  });

  it("is counted and logged like every call when it cannot be read", async () => {
    await fetch(`${platform.url}${LIST}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization },
      body: "{",
    });
    const metrics = await (await fetch(`${platform.internalUrl}/metrics`)).text();
    assert.match(metrics, /rpc_server_calls_total\{target="[^"]*ListNotifications",[^}]*code="invalid_argument"\} \d/);
  });
});
