/** A host: modules with their database, events, routes and peers, in one process and over loopback. */

import assert from "node:assert/strict";
import { TrackClass } from "#gen/matinee/common/v1/media_pb";
import { AssetDeletedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { generateSigningKey, signToken, toPublicJwk } from "#pkg/auth/tokens";
import { newId } from "#pkg/clock/clock";
import { AppError, isAppError } from "#pkg/errors/errors";
import type { Db } from "#pkg/postgres/db";
import { edge, internal } from "#pkg/rpc/access";
import type { Call, Principal, RouteHandler } from "#pkg/rpc/call";
import { account, openModules, operator, service } from "#pkg/testkit/module";
import { consume, defineModule, type Module, type OpenedModule, type Outbox, serve } from "./module.ts";

const ASSET = `assets/${newId()}`;
const KEYS = { content: ASSET, trackClasses: [TrackClass.SD] };

const bare = {
  summary: "fixture",
  owns: [],
  config: {},
  serves: [],
  routes: [],
  calls: [],
  needs: [],
  emits: [],
  consumes: [],
} as const;

function license(seen: { principal: Principal; peer: string | undefined }[]): Module {
  const remember = (call: Call) => seen.push({ principal: call.principal, peer: call.peer });
  return defineModule({
    ...bare,
    name: "license",
    serves: [LicenseService],
    async open() {
      return {
        services: [
          serve(LicenseService, {
            async ensureContentKeys(_request, call) {
              remember(call);
              return {};
            },
            async recordContentKeyIvs() {
              throw new AppError({ kind: "failed_precondition", reason: "TEST_ONLY", message: "no" });
            },
            listLicenseRecords: async (_request, call) => {
              remember(call);
              return { nextPageToken: "next" };
            },
            listKeySystems: async () => ({}),
          }),
        ],
      };
    },
  });
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  if (isAppError(error)) return error.reason;
  throw error;
}

describe("access", () => {
  it("admits to an internal method the modules that it names, with or without a person's token", async () => {
    const seen: { principal: Principal; peer: string | undefined }[] = [];
    await using platform = await openModules([license(seen)]);
    const packager = platform.client(LicenseService, { as: service("packager") });
    await packager.ensureContentKeys(KEYS);
    await packager.ensureContentKeys(KEYS, {
      headers: { authorization: `Bearer ${await platform.token(account() as never)}` },
    });
    assert.deepEqual(
      seen.map(({ principal, peer }) => [principal.kind, peer]),
      [
        ["service", "packager"],
        ["user", "packager"],
      ],
    );
    const playback = platform.client(LicenseService, { as: service("playback") });
    assert.equal(await reasonOf(playback.ensureContentKeys(KEYS)), "ACCESS_DENIED");
  });

  it("hides an internal method from everybody outside, whoever is signed in", async () => {
    await using platform = await openModules([license([])]);
    for (const as of [undefined, operator(["licenses.read"])]) {
      const client = platform.client(LicenseService, as === undefined ? {} : { as });
      assert.equal(await reasonOf(client.ensureContentKeys(KEYS)), "TARGET_NOT_FOUND");
    }
    const response = await fetch(`${platform.url}/matinee.license.v1.LicenseService/EnsureContentKeys`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-matinee-peer": "packager.forged" },
      body: JSON.stringify(KEYS),
    });
    assert.equal(response.status, 404);
  });

  it("asks operators for the permissions of the method, and says which one is missing", async () => {
    await using platform = await openModules([license([])]);
    const list = (as: ReturnType<typeof account> | undefined) =>
      platform.client(LicenseService, as === undefined ? {} : { as }).listLicenseRecords({});
    assert.equal((await list(operator(["licenses.read"]))).nextPageToken, "next");
    assert.equal(await reasonOf(list(operator(["titles.write"]))), "PERMISSION_MISSING");
    assert.equal(await reasonOf(list(account())), "ACCESS_DENIED");
    assert.equal(await reasonOf(list(undefined)), "SIGN_IN_REQUIRED");
  });

  it("tells an expired token from a bad one", async () => {
    await using platform = await openModules([license([])]);
    const post = async (token: string) => {
      const response = await fetch(`${platform.url}/matinee.license.v1.LicenseService/ListKeySystems`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: "{}",
      });
      const body = (await response.json()) as { details?: { debug?: { reason?: string } }[] };
      return [response.status, body.details?.[0]?.debug?.reason];
    };
    const expired = await platform.token(operator([]) as never, { lifeMs: -60_000 });
    assert.deepEqual(await post(expired), [401, "TOKEN_EXPIRED"]);
    const good = await platform.token(operator([]) as never);
    const [head = "", claims = "", signature = ""] = good.split(".");
    const forged = Buffer.from(
      Buffer.from(claims, "base64url").toString().replace('"permissions":[]', '"permissions":["licenses.read"]'),
    ).toString("base64url");
    assert.deepEqual(await post(`${head}.${forged}.${signature}`), [401, "TOKEN_INVALID"]);
    const { privateJwk, kid } = await generateSigningKey();
    const foreign = await signToken(
      { privateJwk, kid },
      { issuer: "profile", subject: "x", issuedAt: new Date(), expiresAt: new Date(Date.now() + 60_000), claims: {} },
    );
    assert.deepEqual(await post(foreign), [401, "TOKEN_INVALID"]);
  });
});

describe("modules in processes of their own", () => {
  const secret = { LOOPBACK_SECRET: "only for this test" };

  it("call each other over loopback with the same results and errors as in-process", async () => {
    const seen: { principal: Principal; peer: string | undefined }[] = [];
    const licenseModule = license(seen);
    await using there = await openModules([licenseModule], { settings: secret });
    await using here = await openModules([{ ...bare, name: "packager", open: async () => ({}) }], {
      known: [licenseModule],
      settings: { ...secret, LICENSE_ADDR: new URL(there.internalUrl).host },
    });
    const client = here.host.dial(LicenseService, "packager");
    await client.ensureContentKeys(KEYS);
    assert.deepEqual(seen.at(-1), { principal: { kind: "service", module: "packager" }, peer: "packager" });

    const token = await there.token(account() as never);
    await client.ensureContentKeys(KEYS, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(seen.at(-1)?.principal.kind, "user");
    assert.equal(seen.at(-1)?.peer, "packager");

    assert.equal(await reasonOf(client.recordContentKeyIvs({ content: "x" })), "VALIDATION_FAILED");
    const ivs = [{ keyId: new Uint8Array(16), track: "video", constantIv: new Uint8Array(16) }];
    const record = client.recordContentKeyIvs({ content: ASSET, package: `packages/${newId()}`, revision: 1, ivs });
    assert.equal(await reasonOf(record), "TEST_ONLY");
    assert.equal(await reasonOf(here.host.dial(LicenseService, "playback").ensureContentKeys(KEYS)), "ACCESS_DENIED");
  });

  it("do not believe a peer of another run, nor anybody on the public listener", async () => {
    const licenseModule = license([]);
    await using there = await openModules([licenseModule], { settings: secret });
    const dialFrom = async (settings: Record<string, string>) => {
      await using here = await openModules([{ ...bare, name: "packager", open: async () => ({}) }], {
        known: [licenseModule],
        settings,
      });
      return await reasonOf(here.host.dial(LicenseService, "packager").ensureContentKeys(KEYS));
    };
    const internalAddress = new URL(there.internalUrl).host;
    assert.equal(await dialFrom({ LOOPBACK_SECRET: "another", LICENSE_ADDR: internalAddress }), "PEER_UNPROVED");
    assert.equal(await dialFrom({ ...secret, LICENSE_ADDR: new URL(there.url).host }), "TARGET_NOT_FOUND");
  });

  it("say which module cannot be reached", async () => {
    const licenseModule = license([]);
    await using here = await openModules([{ ...bare, name: "packager", open: async () => ({}) }], {
      known: [licenseModule],
      settings: { ...secret, LICENSE_ADDR: "127.0.0.1:1" },
    });
    const error = await here.host
      .dial(LicenseService, "packager")
      .ensureContentKeys(KEYS)
      .catch((thrown: unknown) => thrown);
    assert.ok(isAppError(error, "PEER_UNAVAILABLE"));
    assert.equal(error.kind, "unavailable");
    assert.match(error.message, /license/);
  });

  it("find another replica when one is gone", async () => {
    const licenseModule = license([]);
    await using there = await openModules([licenseModule], { settings: secret });
    await using here = await openModules([{ ...bare, name: "packager", open: async () => ({}) }], {
      known: [licenseModule],
      settings: { ...secret, LICENSE_ADDR: `127.0.0.1:1,${new URL(there.internalUrl).host}` },
    });
    const client = here.host.dial(LicenseService, "packager");
    for (let count = 0; count < 4; count++) await client.ensureContentKeys(KEYS);
  });

  it("verify tokens with the keys that the issuer publishes", async () => {
    const key = await generateSigningKey();
    const profileModule: Module = {
      ...bare,
      name: "profile",
      issuer: "profile",
      open: async () => ({ keySet: { keys: async () => [toPublicJwk(key)] } }),
    };
    await using issuer = await openModules([profileModule]);
    const response = await fetch(`${issuer.url}/.well-known/jwks/profile.json`);
    const { keys } = (await response.json()) as { keys: { kid: string; d?: string }[] };
    assert.ok(keys.some(({ kid }) => kid === key.kid));
    assert.ok(keys.every(({ d }) => d === undefined));
  });
});

describe("raw routes", () => {
  const routes = [
    { method: "GET", path: "/films/{id}", access: edge("anyone") },
    { method: "GET", path: "/films/poster", access: edge("anyone") },
    { method: "GET", path: "/m/{token}/{rest...}", access: edge("anyone") },
    { method: "PUT", path: "/mine/{id}", access: edge("account") },
    { method: "GET", path: "/inside", access: internal("packager") },
  ] as const;

  function fixture(): Module {
    const echo: RouteHandler = async (request, response, call, params) => {
      if (params.id === "broken") throw new Error("oops");
      if (params.id === "gone") throw new AppError({ kind: "not_found", reason: "TEST_ONLY", message: "no such film" });
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ target: call.target.name, params, bytes, principal: call.principal.kind }));
    };
    return defineModule({
      ...bare,
      name: "films",
      routes,
      open: async () => ({ routes: routes.map((route) => ({ ...route, handle: echo })) }),
    });
  }

  it("pass the same chain as methods", async () => {
    await using platform = await openModules([fixture()]);
    const get = async (path: string, init?: RequestInit): Promise<[number, Record<string, unknown>]> => {
      const response = await fetch(platform.url + path, init);
      return [response.status, (await response.json()) as Record<string, unknown>];
    };
    assert.deepEqual(await get("/films/a%20b?x=1"), [
      200,
      { target: "GET /films/{id}", params: { id: "a b" }, bytes: 0, principal: "anyone" },
    ]);
    assert.equal((await get("/films/poster"))[1].target, "GET /films/poster");
    assert.deepEqual((await get("/m/t/a/b/c.m4s"))[1].params, { token: "t", rest: "a/b/c.m4s" });
    const body = Buffer.alloc(6 * 1024 * 1024);
    assert.equal((await get("/mine/1", { method: "PUT", body }))[0], 401);
    const headers = { authorization: `Bearer ${await platform.token(account() as never)}` };
    assert.deepEqual((await get("/mine/1", { method: "PUT", body, headers }))[1].bytes, body.length);
    assert.equal((await get("/inside"))[0], 404);
    assert.equal((await get("/films/1", { method: "DELETE" }))[0], 405);
    assert.equal((await get("/nowhere"))[0], 404);
    const [status, error] = await get("/films/gone");
    assert.deepEqual([status, error.code, error.message], [404, "not_found", "no such film"]);
    const [broken, hidden] = await get("/films/broken");
    assert.equal(broken, 500);
    assert.match(String(hidden.message), /^internal error, trace [0-9a-f]{32}$/);
  });
});

describe("events", () => {
  it("leave with the transaction that makes them true and reach every consumer once", async () => {
    const handled: string[] = [];
    let outbox: Outbox<typeof AssetDeletedSchema> | undefined;
    let db: Db | undefined;
    const ingestion = defineModule({
      ...bare,
      name: "ingestion",
      needs: ["postgres"],
      emits: [AssetDeletedSchema],
      async open(host) {
        ({ outbox, postgres: db } = host);
        return {};
      },
    });
    const notification = defineModule({
      ...bare,
      name: "notification",
      needs: ["postgres"],
      consumes: [AssetDeletedSchema],
      async open(host) {
        return {
          consumers: [
            consume(AssetDeletedSchema, (event, message) =>
              host.postgres.tx(async (tx) => {
                if (await host.inbox.firstTime(tx, event.id)) tx.afterCommit(() => handled.push(message.asset));
              }),
            ),
          ],
        };
      },
    });
    await using platform = await openModules([ingestion, notification]);
    assert.ok(outbox !== undefined && db !== undefined);
    const box = outbox;
    await assert.rejects(
      db.tx(async (tx) => {
        await box.emit(tx, AssetDeletedSchema, { asset: "assets/never" }, "never");
        throw new Error("rolled back");
      }),
    );
    await db.tx((tx) => box.emit(tx, AssetDeletedSchema, { asset: ASSET }, ASSET));
    const seen = await platform.nextEvent(AssetDeletedSchema);
    assert.equal(seen.asset, ASSET);
    await platform.publish(AssetDeletedSchema, { asset: "assets/other" });
    await platform.nextEvent(AssetDeletedSchema, (message) => message.asset === "assets/other");
    while (handled.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(new Set(handled), new Set([ASSET, "assets/other"]));
    assert.equal(platform.events(AssetDeletedSchema).length, 2);
  });
});

describe("opening", () => {
  const module = (name: string, rest: Partial<Module> = {}): Module => ({
    ...bare,
    name,
    open: async () => ({}),
    ...rest,
  });

  it("names the module that cannot be opened, and closes those before it", async () => {
    let disposed = 0;
    const first = module("first", {
      open: async (): Promise<OpenedModule> => ({
        [Symbol.asyncDispose]: async () => {
          disposed += 1;
        },
      }),
    });
    const second = module("second", {
      open: async () => {
        throw new Error("out of paper");
      },
    });
    await assert.rejects(openModules([first, second]), /second could not be opened: out of paper/);
    assert.equal(disposed, 1);
  });

  it("refuses a module that does not provide what it declares", async () => {
    await assert.rejects(
      openModules([module("license", { serves: [LicenseService] })]),
      /license declares the service matinee\.license\.v1\.LicenseService and does not provide it/,
    );
  });

  it("refuses modules that call each other in a circle", async () => {
    const a = module("license", { serves: [LicenseService], calls: [RecommendationsService] });
    const b = module("recommendations", { serves: [RecommendationsService], calls: [LicenseService] });
    await assert.rejects(openModules([a, b]), /circle: license -> recommendations -> license/);
  });

  it("lists every wrong setting at once", async () => {
    const one = module("one", {
      config: {
        leaseMs: { type: "duration", default: "10s", min: "1s", max: "1h", doc: "how long a lease is" },
        on: { type: "boolean", default: true, doc: "whether" },
      },
    });
    await assert.rejects(
      openModules([one], { settings: { ONE_LEASE_MS: "10 apples", ONE_ON: "yes", ONE_LEASEMS: "1s" } }),
      (error: Error) => {
        assert.match(error.message, /ONE_LEASE_MS: "10 apples" is not a duration from 1s to 1h/);
        assert.match(error.message, /ONE_ON: "yes" is not true or false/);
        assert.match(error.message, /ONE_LEASEMS: there is no such setting/);
        return true;
      },
    );
  });

  it("fails as a whole when a module's background work fails, naming it", async () => {
    const broken = module("broken", {
      open: async () => ({
        background: [
          {
            name: "work",
            run: async () => {
              throw new Error("out of ink");
            },
          },
        ],
      }),
    });
    await using platform = await openModules([broken]);
    assert.match((await platform.host.failed).message, /broken failed: out of ink/);
  });
});
