/**
 * Every method of every contract and every declared route × everybody who may try: who is let through, and who is
 * refused with what. What is expected is worked out here from the access options alone, not by the code that is tested.
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { Health } from "#gen/grpc/health/v1/health_pb";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { access as accessOption, Exposure, Principal } from "#gen/matinee/options/v1/access_pb";
import { PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { declaredRoutes } from "#pkg/app/host-routes";
import { newRunSecret, proofFor } from "#pkg/rpc/loopback";
import {
  account,
  creator,
  messageClaim,
  openModules,
  operator,
  playSession,
  profile,
  type TestPlatform,
} from "#pkg/testkit/module";
import { modules } from "./targets.ts";

const CONCURRENCY = 16;
const secret = newRunSecret();

/** What the caller is, as far as rules can tell. */
interface Identity {
  /** Set for a module that proves itself; believed on the internal listener only. */
  readonly peer?: string;
  /** Every target answers with this. */
  readonly refused?: string;
  readonly kind: "none" | "user" | "play";
  readonly hasProfile?: boolean;
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
}

interface Caller {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly on: "public" | "internal";
  readonly is: Identity;
}

interface Rule {
  readonly internal: boolean;
  readonly principals: readonly Principal[];
  readonly permissions: readonly string[];
  readonly callers: readonly string[];
}

interface Target {
  readonly name: string;
  readonly path: string;
  readonly rule: Rule;
  /** Undefined for a raw route. */
  readonly rpc: DescMethod | undefined;
  readonly httpMethod: string;
  /** Verifies tokens itself. */
  readonly authenticates?: boolean;
  /** Not on the public listener, whoever asks. */
  readonly inside?: boolean;
}

const ANYONE: Rule = { internal: false, principals: [Principal.ANYONE], permissions: [], callers: [] };
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  anyone: Principal.ANYONE,
  account: Principal.ACCOUNT,
  profile: Principal.PROFILE,
  creator: Principal.CREATOR,
  operator: Principal.OPERATOR,
  play_session: Principal.PLAY_SESSION,
  service: Principal.SERVICE,
};

function methodTargets(): readonly Target[] {
  const services = modules.flatMap((module) => module.serves);
  const own = services.flatMap((service) =>
    service.methods.map((method): Target => {
      const { exposure, principals, permissions, callers } = getOption(method, accessOption);
      const rule = { internal: exposure === Exposure.INTERNAL, principals, permissions, callers };
      return { ...targetOf(method), rule };
    }),
  );
  const frame = [...Health.methods, ...ServerReflection.methods].map((method) => ({
    ...targetOf(method),
    inside: method.parent === ServerReflection,
  }));
  return [...own, ...frame];
}

function targetOf(method: DescMethod): Target {
  const path = `/${method.parent.typeName}/${method.name}`;
  return { name: path, path, rule: ANYONE, rpc: method, httpMethod: "POST" };
}

function routeTargets(): readonly Target[] {
  // The answer to HEAD has no body, and so no reason; it is declared like the GET of its path.
  return declaredRoutes(modules)
    .filter(({ route }) => route.method !== "HEAD")
    .map(({ route }) => ({
      name: `${route.method} ${route.path}`,
      path: route.path.replace(/\{[^}]+\}/g, "x"),
      rule: {
        internal: route.access.exposure === "internal",
        principals: route.access.principals.map((kind) => PRINCIPALS[kind] ?? Principal.UNSPECIFIED),
        permissions: route.access.permissions,
        callers: route.access.callers,
      },
      rpc: undefined,
      httpMethod: route.method,
      authenticates: route.authenticates === true,
      inside: route.inside === true,
    }));
}

const ADMITTED = "admitted";
/** What the frame refuses with; everything else is said by whoever was reached. */
const REFUSALS = new Set([
  ...["SIGN_IN_REQUIRED", "ACCESS_DENIED", "PROFILE_REQUIRED", "PERMISSION_MISSING", "TARGET_NOT_FOUND"],
  ...["TOKEN_INVALID", "TOKEN_EXPIRED", "PEER_UNPROVED"],
]);

function expected(target: Target, { is, on }: Caller): string {
  const { rule } = target;
  const peer = on === "internal" ? is.peer : undefined;
  if (target.inside === true && on === "public") return is.refused ?? "TARGET_NOT_FOUND";
  if (is.refused === "PEER_UNPROVED") return is.refused;
  if (rule.internal && peer === undefined) return "TARGET_NOT_FOUND";
  if (target.authenticates === true) return ADMITTED;
  if (is.refused !== undefined) return is.refused;
  const may = (principal: Principal) => rule.principals.includes(principal);
  const roles = is.roles ?? [];
  const held = is.permissions ?? [];
  const isReached = !rule.internal || (peer !== undefined && rule.callers.includes(peer));
  const allowed =
    isReached &&
    (may(Principal.ANYONE) ||
      (may(Principal.SERVICE) && peer !== undefined && rule.callers.includes(peer)) ||
      (may(Principal.PLAY_SESSION) && is.kind === "play") ||
      (is.kind === "user" &&
        (may(Principal.ACCOUNT) ||
          (may(Principal.PROFILE) && is.hasProfile === true) ||
          (may(Principal.CREATOR) && roles.includes("creator")) ||
          (may(Principal.OPERATOR) &&
            roles.includes("operator") &&
            rule.permissions.every((permission) => held.includes(permission))))));
  if (allowed) return ADMITTED;
  if (is.kind === "none") return peer === undefined ? "SIGN_IN_REQUIRED" : "ACCESS_DENIED";
  if (is.kind === "user" && may(Principal.OPERATOR) && roles.includes("operator")) return "PERMISSION_MISSING";
  if (is.kind === "user" && may(Principal.PROFILE) && is.hasProfile !== true) return "PROFILE_REQUIRED";
  return "ACCESS_DENIED";
}

/** Headers that some proxy or framework might believe. */
const FORGED = {
  "x-forwarded-for": "127.0.0.1",
  "x-forwarded-user": "operator",
  "x-user-id": "00000000-0000-4000-8000-000000000000",
  "x-account-id": "00000000-0000-4000-8000-000000000000",
  "x-matinee-principal": "operator",
  "x-matinee-roles": "operator,creator",
  "x-envoy-internal": "true",
  "x-jwt-payload": Buffer.from('{"sub":"x","roles":["operator"]}').toString("base64"),
};

async function callers(platform: TestPlatform): Promise<readonly Caller[]> {
  const permissions = [
    ...new Set(
      modules.flatMap(({ serves }) =>
        serves.flatMap(({ methods }) => methods.flatMap((m) => getOption(m, accessOption).permissions)),
      ),
    ),
  ];
  const user = { kind: "user", hasProfile: true } as const;
  const studio = { ...user, roles: ["operator"], permissions };
  const tokens: readonly (readonly [string, string, Identity])[] = [
    ["an account without a profile", await platform.token(account()), { kind: "user" }],
    ["a viewer", await platform.token(profile()), user],
    ["another viewer", await platform.token(profile()), user],
    ["a creator", await platform.token(creator()), { ...user, roles: ["creator"] }],
    ["a second creator", await platform.token(creator()), { ...user, roles: ["creator"] }],
    ["an operator who may nothing", await platform.token(operator([])), { ...user, roles: ["operator"] }],
    ["the studio", await platform.token(operator(permissions)), studio],
    ["a play token", await platform.token(playSession({})), { kind: "play" }],
    ["a media token", await platform.token(playSession({ use: "media" })), bad("TOKEN_INVALID")],
    ["an expired token", await platform.token(profile(), { lifeMs: -60_000 }), bad("TOKEN_EXPIRED")],
    ["an unsigned token", unsigned(), bad("TOKEN_INVALID")],
    ["garbage", "x", bad("TOKEN_INVALID")],
  ];
  const people = tokens.map(([name, token, is]) => ({ name, headers: { authorization: `Bearer ${token}` }, is }));
  const nobody = { name: "nobody", headers: {}, is: { kind: "none" } } as const;
  const peerOf = (module: string) => ({ "x-matinee-peer": proofFor(secret, module) });
  const [viewer] = people.slice(1);
  return [
    ...[nobody, ...people].flatMap((one) => [
      { ...one, on: "public" as const },
      { ...one, name: `${one.name}, inside`, on: "internal" as const },
    ]),
    ...modules.flatMap(({ name }): readonly Caller[] => [
      { name: `the module ${name}`, headers: peerOf(name), on: "internal", is: { peer: name, kind: "none" } },
      // A true proof, at the door where none is believed.
      { name: `${name} outside`, headers: peerOf(name), on: "public", is: { peer: name, kind: "none" } },
      // On behalf of people whose tokens it passes on, good ones and bad.
      ...people.map((one) => ({
        ...{ name: `${name} with ${one.name}`, headers: { ...one.headers, ...peerOf(name) }, on: "internal" as const },
        is: { ...one.is, peer: name },
      })),
    ]),
    {
      name: "a module of no such name",
      headers: peerOf("nothing"),
      on: "internal",
      is: { peer: "nothing", kind: "none" },
    },
    { name: "forged headers", headers: FORGED, on: "public", is: { kind: "none" } },
    { name: "forged headers, inside", headers: FORGED, on: "internal", is: { kind: "none" } },
    { name: "a viewer with forged headers", headers: { ...viewer?.headers, ...FORGED }, on: "public", is: user },
    {
      name: "a forged proof",
      headers: { "x-matinee-peer": proofFor("another secret", "packager") },
      on: "internal",
      is: { kind: "none", refused: "PEER_UNPROVED" },
    },
  ];
}

function bad(refused: string): Identity {
  return { kind: "none", refused };
}

/** What a careless verifier takes (RFC 7519, 6). */
function unsigned(): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: "profile", sub: "a", sid: "s", roles: ["operator"], permissions: [], exp: 4_000_000_000 };
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`;
}

/**
 * Sends a message that is cut off: whoever is let through is told that it cannot be read, and no handler does anything.
 * A raw route is simply asked.
 */
async function attempt(platform: TestPlatform, target: Target, caller: Caller): Promise<string> {
  const streams = target.rpc !== undefined && target.rpc.methodKind !== "unary";
  const type = streams ? "application/connect+json" : "application/json";
  const body = streams ? new Uint8Array([0, 0, 0, 0, 1, 0x7b]) : "{";
  const response = await fetch(`${caller.on === "public" ? platform.url : platform.internalUrl}${target.path}`, {
    method: target.httpMethod,
    headers: { ...caller.headers, ...(target.rpc === undefined ? {} : { "content-type": type }) },
    ...(target.rpc === undefined ? {} : { body }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const reason = reasonIn(streams && response.status === 200 ? bytes.subarray(5) : bytes);
  if (reason !== undefined && REFUSALS.has(reason)) return reason;
  if (target.rpc === undefined) return ADMITTED;
  // Reflection streams both ways, over HTTP/2 only; this is HTTP/1.1.
  if (target.rpc.methodKind === "bidi_streaming") return response.status === 505 ? ADMITTED : `${response.status}`;
  return reason === "MESSAGE_MALFORMED" ? ADMITTED : `${response.status} ${reason} ${bytes.toString("latin1")}`;
}

function reasonIn(bytes: Buffer): string | undefined {
  try {
    const { error, details = error?.details } = JSON.parse(bytes.toString());
    return details?.[0]?.debug?.reason;
  } catch {
    return undefined;
  }
}

/** What a request for a thing must carry beside its name. */
const REST: Readonly<Record<string, object>> = {
  SignUploadParts: { parts: [{ number: 1, sha256: "0".repeat(64) }] },
  CompleteUpload: { sha256: "0".repeat(64) },
};

/** Sends it as it is and says what came of it. */
async function ask(platform: TestPlatform, method: DescMethod, token: string, message: object): Promise<string> {
  const response = await fetch(`${platform.url}/${method.parent.typeName}/${method.name}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(message),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return response.ok ? bytes.toString() : (reasonIn(bytes) ?? String(response.status));
}

describe("who may call what", function () {
  this.timeout(120_000);
  let platform: TestPlatform;

  before(async () => {
    platform = await openModules(modules, { settings: { LOOPBACK_SECRET: secret } });
  });

  after(() => platform?.[Symbol.asyncDispose]());

  it("is as the contracts and the declared routes say, for every method, route and caller", async () => {
    const targets = [...methodTargets(), ...routeTargets()];
    const everybody = await callers(platform);
    const pairs = targets.flatMap((target) => everybody.map((caller) => ({ target, caller })));
    const wrong: string[] = [];
    const denials = new Map(targets.map(({ name }) => [name, 0]));
    const admissions = new Map(denials);
    let next = 0;
    const work = async () => {
      for (let pair = pairs[next++]; pair !== undefined; pair = pairs[next++]) {
        const { target, caller } = pair;
        const want = expected(target, caller);
        const got = await attempt(platform, target, caller);
        const seen = got === ADMITTED ? admissions : denials;
        seen.set(target.name, (seen.get(target.name) ?? 0) + 1);
        if (got !== want) wrong.push(`${target.name} × ${caller.name}: ${got}, not ${want}`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    assert.deepEqual(wrong, []);
    const open = targets.filter(({ rule }) => rule.principals.includes(Principal.ANYONE)).map(({ name }) => name);
    const undenied = targets.filter(({ name }) => denials.get(name) === 0 && !open.includes(name));
    assert.deepEqual(undenied, []);
    const unadmitted = targets.filter(({ name }) => admissions.get(name) === 0).map(({ name }) => name);
    assert.deepEqual(unadmitted, []);
    assert.ok(targets.length >= 70, `${targets.length} targets`);
    const refused = [...denials.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(refused > 2_000, `${refused} denials`);
  });

  it("shows a creator's uploads to nobody else: as if they were not there", async () => {
    const [owner, second, viewer] = [creator(), creator(), profile()];
    const client = platform.client(IngestionService, { as: owner });
    const { upload } = await client.createUpload({ fileName: "a.mp4", sizeBytes: 10n, requestId: randomUUID() });
    const name = upload?.name ?? "";
    const tokens = await Promise.all([owner, second, viewer].map((one) => platform.token(one)));
    const [own = "", other = "", none = ""] = tokens;
    const methods = IngestionService.methods.filter((method) => /Upload/.test(method.name) && hasName(method));
    assert.ok(methods.length >= 5);
    for (const method of methods) {
      const message = { name, ...REST[method.name] };
      const absent = { ...message, name: `uploads/${randomUUID()}` };
      const answer = await ask(platform, method, other, message);
      assert.match(answer, /^[A-Z_]+_NOT_FOUND$/, method.name);
      assert.equal(answer, await ask(platform, method, other, absent), method.name);
      assert.equal(await ask(platform, method, none, message), "ACCESS_DENIED", method.name);
    }
    assert.match(await ask(platform, IngestionService.method.getUpload, own, { name }), /"state"/);
  });

  it("takes no play token for another play", async () => {
    const [mine, theirs] = [randomUUID(), randomUUID()];
    const grant = messageClaim(PlayGrantSchema, {
      playSession: `playSessions/${mine}`,
      account: `accounts/${randomUUID()}`,
      profile: `profiles/${randomUUID()}`,
      title: `titles/${randomUUID()}`,
    });
    const token = await platform.token(playSession({ sub: mine, grant }));
    for (const method of [PlaybackService.method.heartbeat, PlaybackService.method.stopPlayback]) {
      const name = { playSession: `playSessions/${theirs}`, position: "0s" };
      assert.equal(await ask(platform, method, token, name), "PLAY_SESSION_MISMATCH", method.name);
    }
  });
});

function hasName(method: DescMethod): boolean {
  return method.input.fields.some((field) => field.name === "name");
}
