import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { MatineeError } from "./errors.ts";
import { Account_Role } from "./gen/matinee/profile/v1/account_pb.ts";
import { ProfileService } from "./gen/matinee/profile/v1/profile_service_pb.ts";
import { newPlatform } from "./platform.ts";
import { memorySessionStore, Session } from "./session.ts";
import { follow } from "./stream.ts";
import { refusal, startRpcServer } from "./testing/rpc-server.ts";

/** A profile service whose refresh tokens work once and whose access tokens are good only while they are the newest. */
async function startProfiles() {
  let generation = 0;
  let refreshes = 0;
  const tokens = (expiresInMs: number) => {
    generation += 1;
    return {
      accessToken: `access-${generation}`,
      accessTokenExpireTime: timestampFromMs(Date.now() + expiresInMs),
      refreshToken: `refresh-${generation}`,
    };
  };
  const state = { expiresInMs: 60_000, reason: "TOKEN_EXPIRED" };
  const server = await startRpcServer((router) =>
    router.service(ProfileService, {
      signIn({ email, password }) {
        if (password !== "right") throw refusal(Code.Unauthenticated, "SIGN_IN_FAILED", "wrong address or password");
        return {
          account: { name: "accounts/1", email, roles: [Account_Role.OPERATOR] },
          profile: { name: "profiles/1", displayName: "Ada" },
          tokens: tokens(state.expiresInMs),
        };
      },
      refreshSession({ refreshToken }) {
        if (refreshToken !== `refresh-${generation}`) throw refusal(Code.Unauthenticated, "REFRESH_TOKEN_REUSED");
        refreshes += 1;
        return { tokens: tokens(60_000) };
      },
      getAccount(_request, context) {
        const token = context.requestHeader.get("authorization");
        if (token !== `Bearer access-${generation}`) throw refusal(Code.Unauthenticated, state.reason);
        return { account: { name: "accounts/1" } };
      },
      signOut: () => ({}),
    }),
  );
  return Object.assign(server, {
    state,
    refreshes: () => refreshes,
    /** What is out there is not good any more. */
    forget: () => {
      generation += 100;
    },
  });
}

describe("Session", () => {
  it("signs in, tells who it is, and forgets it at sign-out", async () => {
    await using server = await startProfiles();
    const store = memorySessionStore();
    const session = new Session({ origin: server.origin, store });
    const told: (string | undefined)[] = [];
    session.onChange((current) => told.push(current?.email));
    await session.signIn("a@b.test", "right");
    assert.equal(session.current?.isOperator, true);
    await session.signOut();
    assert.deepEqual(told, ["a@b.test", undefined]);
    assert.equal(await store.load(), undefined);
  });

  it("gives the service's reason where the password is wrong", async () => {
    await using server = await startProfiles();
    const session = new Session({ origin: server.origin, store: memorySessionStore() });
    await assert.rejects(
      session.signIn("a@b.test", "wrong"),
      (error) =>
        error instanceof MatineeError && error.reason === "SIGN_IN_FAILED" && /wrong address/.test(error.message),
    );
  });

  it("refreshes once for all calls that wait", async () => {
    await using server = await startProfiles();
    server.state.expiresInMs = 1_000;
    const session = new Session({ origin: server.origin, store: memorySessionStore() });
    await session.signIn("a@b.test", "right");
    const client = newPlatform({ origin: server.origin, tokens: session }).client(ProfileService);
    await Promise.all([client.getAccount({}), client.getAccount({}), client.getAccount({})]);
    assert.equal(server.refreshes(), 1);
  });

  it("takes the token that another tab got meanwhile instead of using the old refresh token twice", async () => {
    await using server = await startProfiles();
    server.state.expiresInMs = 1_000;
    const store = memorySessionStore();
    const tabs = [0, 1].map(() => new Session({ origin: server.origin, store }));
    await tabs[0]?.signIn("a@b.test", "right");
    await tabs[1]?.restore();
    const tokens = await Promise.all(tabs.map((tab) => tab.accessToken()));
    assert.equal(server.refreshes(), 1);
    assert.equal(tokens[0], tokens[1]);
  });

  it("is over where it was ended elsewhere, also for a stream that was open then", async () => {
    await using server = await startProfiles();
    const session = new Session({ origin: server.origin, store: memorySessionStore() });
    await session.signIn("a@b.test", "right");
    const client = newPlatform({ origin: server.origin, tokens: session }).client(ProfileService);
    let opened = 0;
    const stream = follow({
      signal: new AbortController().signal,
      async *open() {
        opened += 1;
        yield await client.getAccount({});
        server.state.reason = "SESSION_ENDED";
        server.forget();
        throw new MatineeError({ code: Code.Unauthenticated, reason: "SESSION_ENDED", message: "it has ended" });
      },
    });
    assert.equal((await stream.next()).done, false);
    await assert.rejects(stream.next(), (error) => error instanceof MatineeError && error.reason === "SESSION_OVER");
    assert.equal(opened, 2);
    assert.equal(session.current, undefined);
  });

  it("is over where the service refuses the refresh token", async () => {
    await using server = await startProfiles();
    const store = memorySessionStore();
    const session = new Session({ origin: server.origin, store });
    await session.signIn("a@b.test", "right");
    server.forget();
    const client = newPlatform({ origin: server.origin, tokens: session }).client(ProfileService);
    await assert.rejects(
      client.getAccount({}),
      (error) => error instanceof MatineeError && error.reason === "SESSION_OVER",
    );
    assert.equal(session.current, undefined);
    assert.equal(await store.load(), undefined);
  });
});
