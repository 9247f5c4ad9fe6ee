/** Single steps of the chain: what each refuses and lets through. */

import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  ListNotificationsRequestSchema,
  NotificationService,
} from "#gen/matinee/notification/v1/notification_service_pb";
import { ProfileService, SignUpRequestSchema } from "#gen/matinee/profile/v1/profile_service_pb";
import { openMemoryCache } from "#pkg/cache/memory";
import { ManualClock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { silentLogger } from "#pkg/obs/logger";
import { refused } from "#pkg/testkit/refused";
import { accessOf, edge } from "../access.ts";
import { Buckets } from "../buckets.ts";
import type { AccessRule, Principal, Target } from "../call.ts";
import { ServerCall } from "../server-call.ts";
import { authorize } from "./authorization.ts";
import { parseTimeout } from "./deadline.ts";
import { idempotencyStep } from "./idempotency.ts";
import { rateLimitStep } from "./rate-limit.ts";

function newCall(target: Partial<Target>, remoteAddress = "192.0.2.1"): ServerCall {
  return new ServerCall({
    target: { name: "test", module: "test", access: edge("anyone"), method: undefined, ...target },
    transport: "connect",
    via: "public",
    peer: undefined,
    remoteAddress,
    headers: {},
    timeoutMs: undefined,
    certificate: () => undefined,
    source: () => undefined,
  });
}

const user = (rest: Partial<Extract<Principal, { kind: "user" }>> = {}): Principal => ({
  kind: "user",
  accountId: "a",
  profileId: undefined,
  sessionId: "s",
  roles: [],
  permissions: [],
  token: "t",
  ...rest,
});

describe("the deadline", () => {
  it("is read from the headers of Connect and gRPC", () => {
    assert.equal(parseTimeout({ "connect-timeout-ms": "1500" }), 1500);
    assert.equal(parseTimeout({ "grpc-timeout": "2S" }), 2000);
    assert.equal(parseTimeout({ "grpc-timeout": "1H" }), 3_600_000);
    assert.equal(parseTimeout({ "grpc-timeout": "1500u" }), 2);
    assert.equal(parseTimeout({}), undefined);
    for (const bad of ["", "-1", "1e9", "soon"]) assert.equal(parseTimeout({ "connect-timeout-ms": bad }), undefined);
    assert.ok((parseTimeout({ "grpc-timeout": "99999999H" }) ?? 0) < 2 ** 31);
  });
});

describe("authorization", () => {
  const refusal = (rule: AccessRule, principal: Principal, peer?: string): string => {
    try {
      authorize(rule, principal, peer);
    } catch (error) {
      if (isAppError(error)) return error.reason;
      throw error;
    }
    return "admitted";
  };

  it("admits by kind", () => {
    const play: Principal = { kind: "play_session", claims: {}, token: "t" };
    assert.equal(refusal(edge("anyone"), { kind: "anyone" }), "admitted");
    assert.equal(refusal(edge("account"), user()), "admitted");
    assert.equal(refusal(edge("account"), play), "ACCESS_DENIED");
    assert.equal(refusal(edge("account", "play_session"), play), "admitted");
    assert.equal(refusal(edge("profile"), user()), "PROFILE_REQUIRED");
    assert.equal(refusal(edge("profile"), user({ profileId: "p" })), "admitted");
    assert.equal(refusal(edge("creator"), user({ roles: ["operator"] })), "ACCESS_DENIED");
    assert.equal(refusal(edge("creator"), user({ roles: ["creator"] })), "admitted");
  });

  it("asks an operator for every permission", () => {
    const rule = { ...edge("operator"), permissions: ["a.read", "a.write"] };
    assert.equal(refusal(rule, user({ roles: ["operator"], permissions: ["a.read"] })), "PERMISSION_MISSING");
    assert.equal(refusal(rule, user({ roles: ["operator"], permissions: ["a.write", "a.read"] })), "admitted");
    assert.equal(refusal(rule, user({ roles: [], permissions: ["a.write", "a.read"] })), "ACCESS_DENIED");
  });

  it("admits a module that the rule names, and no other", () => {
    const rule: AccessRule = { ...edge("service"), callers: ["playback"] };
    assert.equal(refusal(rule, { kind: "service", module: "playback" }, "playback"), "admitted");
    assert.equal(refusal(rule, user(), "playback"), "admitted");
    assert.equal(refusal(rule, { kind: "service", module: "catalog" }, "catalog"), "ACCESS_DENIED");
    assert.equal(refusal(rule, user()), "ACCESS_DENIED");
    assert.equal(refusal(rule, { kind: "anyone" }), "SIGN_IN_REQUIRED");
  });
});

describe("the rate limit", () => {
  const clock = new ManualClock(new Date("2026-01-01T00:00:00Z"));
  const open = (share = openMemoryCache({ clock })) => {
    const cache = share;
    return {
      cache,
      step: rateLimitStep({
        buckets: new Buckets(clock),
        cache,
        log: silentLogger,
        standard: { perSecond: 1, burst: 2 },
      }),
    };
  };

  it("counts each caller and each target by itself, and says when to come back", async () => {
    const { step } = open();
    const enter = async (call: ServerCall) => step.enter?.(call);
    await enter(newCall({}));
    await enter(newCall({}));
    await assert.rejects(enter(newCall({})), (error) => {
      assert.ok(isAppError(error, "RATE_LIMITED"));
      assert.ok(error.retryAfterMs !== undefined && error.retryAfterMs > 0 && error.retryAfterMs <= 1000);
      return true;
    });
    await enter(newCall({}, "192.0.2.2"));
    await enter(newCall({ name: "other" }));
    const signedIn = newCall({});
    signedIn.principal = user();
    await enter(signedIn);
    clock.advance(1000);
    await enter(newCall({}));
  });

  it("knows a network by its /64 and a play by its token", async () => {
    const { step } = open();
    const enter = async (call: ServerCall) => step.enter?.(call);
    await enter(newCall({}, "2001:db8:0:1::1"));
    await enter(newCall({}, "2001:db8:0:1:2:3:4:5"));
    await assert.rejects(enter(newCall({}, "2001:db8:0:1::3")), refused("RATE_LIMITED"));
    await enter(newCall({}, "2001:db8:0:2::1"));
    for (const sub of ["a", "b", "a", "b"]) {
      const heartbeat = newCall({}, "192.0.2.7");
      heartbeat.principal = { kind: "play_session", claims: { sub }, token: sub };
      await enter(heartbeat);
    }
    const fifth = newCall({}, "192.0.2.8");
    fifth.principal = { kind: "play_session", claims: { sub: "a" }, token: "a" };
    await assert.rejects(enter(fifth), refused("RATE_LIMITED"));
  });

  it("takes the target's own bucket and spares modules", async () => {
    const { step } = open();
    const enter = async (call: ServerCall) => step.enter?.(call);
    const access = { ...edge("anyone"), rateLimit: { perSecond: 1, burst: 1 } };
    await enter(newCall({ access }));
    await assert.rejects(enter(newCall({ access })), refused("RATE_LIMITED"));
    const peer = newCall({ access });
    peer.peer = "playback";
    await enter(peer);
  });

  it("counts in every process what the contract limits, and asks nobody else about the rest", async () => {
    const shared = openMemoryCache({ clock });
    const [one, two] = [open(shared).step, open(shared).step];
    const method = ProfileService.method.signIn;
    const rateLimit = { perSecond: 1, burst: 1, isShared: true } as const;
    const target = { name: "signIn", method, access: { ...edge("anyone"), rateLimit } };
    await one.enter?.(newCall(target));
    await assert.rejects(async () => two.enter?.(newCall(target)), refused("RATE_LIMITED"));
    assert.equal(one.enter?.(newCall({})), undefined);
    assert.equal(two.enter?.(newCall({})), undefined);
  });

  it("lets calls through while the cache is down", async () => {
    const step = rateLimitStep({
      buckets: new Buckets(clock),
      cache: { takeToken: () => Promise.reject(new Error("down")) },
      log: silentLogger,
      standard: { perSecond: 1, burst: 1 },
    });
    const method = ProfileService.method.signIn;
    await step.enter?.(newCall({ method, access: accessOf(method) }));
  });
});

describe("idempotency", () => {
  it("lets a request go without an id that came to the method later", () => {
    const method = ProfileService.method.signUp;
    const field = { ...SignUpRequestSchema.field.requestId, presence: FeatureSet_FieldPresence.EXPLICIT };
    const later = { ...method, input: { ...method.input, fields: [field] } } as typeof method;
    const call = newCall({ method: later, access: accessOf(method) });
    call.request = create(SignUpRequestSchema, {});
    idempotencyStep().enter?.(call);
  });

  it("asks for a request id where the request can carry one", () => {
    const step = idempotencyStep();
    const method = ProfileService.method.signUp;
    const call = newCall({ method, access: accessOf(method) });
    call.request = create(SignUpRequestSchema, {});
    assert.throws(() => step.enter?.(call), refused("REQUEST_ID_REQUIRED"));
    call.request = create(SignUpRequestSchema, { requestId: "0190a5b4-7c1d-7000-8000-000000000001" });
    step.enter?.(call);
    const list = NotificationService.method.listNotifications;
    const other = newCall({ method: list, access: accessOf(list) });
    other.request = create(ListNotificationsRequestSchema, {});
    step.enter?.(other);
  });
});
