/** Access tokens end with their session, in the process that ended it and in every other one. */

import assert from "node:assert/strict";
import { NotificationService } from "#gen/matinee/notification/v1/notification_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import type { EndedSession } from "#pkg/auth/ended-sessions";
import { ManualClock, newId } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { eventually } from "#pkg/testkit/eventually";
import { openModules, type TestPlatform } from "#pkg/testkit/module";
import { testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { notification } from "../notification/module.ts";
import { newEndedSessionList } from "./ended-sessions.ts";
import { profile } from "./module.ts";
import { openEndedSessionStore } from "./store/ended-session-store.ts";

const PASSWORD = "a long enough password";
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const isEnded = refused("SESSION_ENDED");

/** What ends a session, from the tokens of a new one. */
const ENDS = {
  "sign-out": (at, { accessToken }) => at.client(ProfileService).signOut({}, bearer(accessToken)),
  "sign-out everywhere": (at, { accessToken }) =>
    at.client(ProfileService).signOut({ isEverywhere: true }, bearer(accessToken)),
  "a refresh token used twice": async (at, { refreshToken }) => {
    const refresh = () => at.client(ProfileService).refreshSession({ refreshToken });
    await refresh();
    await assert.rejects(refresh(), refused("REFRESH_TOKEN_REUSED"));
  },
  "erasing the account": (at, { accessToken }) =>
    at.client(ProfileService).deleteAccount({ proof: { case: "password", value: PASSWORD } }, bearer(accessToken)),
} satisfies Record<string, (at: TestPlatform, tokens: Tokens) => Promise<unknown>>;

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function newTokens(platform: TestPlatform): Promise<Tokens> {
  const { tokens } = await platform.client(ProfileService).signUp({
    email: `${newId()}@example.test`,
    password: PASSWORD,
    displayName: "Ada",
    requestId: newId(),
  });
  assert.ok(tokens);
  return tokens;
}

/** The stream of the account's notifications, once it has begun; `ended` resolves with how it ends. */
async function watching(platform: TestPlatform, token: string): Promise<{ readonly ended: Promise<unknown> }> {
  const stream = platform.client(NotificationService).watchNotifications({}, bearer(token))[Symbol.asyncIterator]();
  await stream.next();
  const untilDone = async () => {
    for (;;) if ((await stream.next()).done === true) return "ended without an error";
  };
  return { ended: untilDone().catch((error: unknown) => error) };
}

describe("an access token whose session has ended", () => {
  const settings = {
    PROFILE_REFRESH_GRACE: "0s",
    NOTIFICATION_KEEP_ALIVE: "200ms",
    // Two hosts of one system.
    LOOPBACK_SECRET: "a secret that both hosts know, long enough to be one",
  };
  let here: TestPlatform;
  let elsewhere: TestPlatform;

  before(async () => {
    here = await openModules([profile, notification], { settings });
    elsewhere = await openModules([notification], {
      known: [profile],
      settings: { ...settings, PROFILE_ADDR: here.internalUrl.replace("http://", "") },
    });
  });
  after(async () => {
    await elsewhere?.[Symbol.asyncDispose]();
    await here?.[Symbol.asyncDispose]();
  });

  for (const [what, end] of Object.entries(ENDS)) {
    it(`is refused at once after ${what}, and in other processes soon; open streams end`, async () => {
      const tokens = await newTokens(here);
      const { accessToken } = tokens;
      const streams = [await watching(here, accessToken), await watching(elsewhere, accessToken)];
      const other = await newTokens(here);
      await end(here, tokens);
      await assert.rejects(here.client(ProfileService).getAccount({}, bearer(accessToken)), isEnded);
      await assert.rejects(here.client(NotificationService).listNotifications({}, bearer(accessToken)), isEnded);
      await eventually("the other process refuses it", () =>
        elsewhere
          .client(NotificationService)
          .listNotifications({}, bearer(accessToken))
          .then(() => false, isEnded),
      );
      for (const { ended } of streams) assert.ok(isEnded(await ended));
      for (const platform of [here, elsewhere]) {
        await platform.client(NotificationService).listNotifications({}, bearer(other.accessToken));
      }
    });
  }

  it("is the only one of its account that is, where one of two sessions was signed out", async () => {
    const email = `${newId()}@example.test`;
    const client = here.client(ProfileService);
    const first = await client.signUp({ email, password: PASSWORD, displayName: "Ada", requestId: newId() });
    const second = await client.signIn({ email, password: PASSWORD });
    await client.signOut({}, bearer(first.tokens?.accessToken ?? ""));
    await assert.rejects(client.getAccount({}, bearer(first.tokens?.accessToken ?? "")), isEnded);
    await client.getAccount({}, bearer(second.tokens?.accessToken ?? ""));
  });

  it("is told to nobody outside, and to modules only with proof", async () => {
    for (const origin of [here.url, here.internalUrl]) {
      const answer = await fetch(`${origin}/ended-sessions/profile`);
      assert.equal(answer.status, 404);
    }
  });

  it("stays refused in a process that starts after", async () => {
    const { accessToken } = await newTokens(here);
    await here.client(ProfileService).signOut({}, bearer(accessToken));
    await using late = await openModules([notification], {
      known: [profile],
      settings: { ...settings, PROFILE_ADDR: here.internalUrl.replace("http://", "") },
    });
    await eventually("it has caught up", () =>
      late
        .client(NotificationService)
        .listNotifications({}, bearer(accessToken))
        .then(() => false, isEnded),
    );
  });

  it("locks nobody out while the issuer is away", async () => {
    const issuer = await openModules([profile], { known: [notification], settings });
    await using other = await openModules([notification], {
      known: [profile],
      settings: { ...settings, PROFILE_ADDR: issuer.internalUrl.replace("http://", "") },
    });
    const [ended, living] = [await newTokens(issuer), await newTokens(issuer)];
    await issuer.client(ProfileService).signOut({}, bearer(ended.accessToken));
    const list = (token: string) => other.client(NotificationService).listNotifications({}, bearer(token));
    await list(living.accessToken);
    await eventually("it knows", () => list(ended.accessToken).then(() => false, isEnded));
    await issuer[Symbol.asyncDispose]();
    await list(living.accessToken);
    await assert.rejects(list(ended.accessToken), isEnded);
  });
});

describe("the list of ended sessions", () => {
  const LIFE_MS = 900_000;
  let db: Db;
  let resources: AsyncDisposableStack;

  before(async () => {
    resources = new AsyncDisposableStack();
    ({ db } = resources.use(await testDb("profile", new URL("./migrations/", import.meta.url))));
  });
  after(() => resources.disposeAsync());

  const listOf = (clock: ManualClock) =>
    newEndedSessionList({ store: openEndedSessionStore(db), clock, accessTokenLifeMs: LIFE_MS });
  const ids = (sessions: readonly EndedSession[]) => sessions.map(({ id }) => id);

  it("misses nothing that commits after a reader has passed it", async () => {
    const clock = new ManualClock(new Date());
    const [one, replica] = [listOf(clock), listOf(clock)];
    const [slow, fast] = [newId(), newId()];
    let cursor = "";
    await db.tx(async (tx) => {
      await one.add(tx, [slow], clock.now());
      await db.tx((inner) => one.add(inner, [fast], clock.now()));
      const answer = await replica.since(undefined);
      assert.deepEqual([ids(answer.sessions).includes(fast), ids(answer.sessions).includes(slow)], [true, false]);
      cursor = answer.cursor;
    });
    const next = await replica.since(cursor);
    assert.ok(ids(next.sessions).includes(slow));
    const later = newId();
    await db.tx((tx) => one.add(tx, [later], clock.now()));
    const last = await replica.since((await replica.since(next.cursor)).cursor);
    assert.deepEqual(ids(last.sessions), [], "what was read is not read again");
    assert.ok(ids((await replica.since(next.cursor)).sessions).includes(later));
  });

  it("is as long as a token lives, and answers whole to a cursor from another time of the database", async () => {
    const clock = new ManualClock(new Date());
    const list = listOf(clock);
    const id = newId();
    await db.tx((tx) => list.add(tx, [id], clock.now()));
    for (const cursor of [undefined, "18446744073709551615", "nonsense"]) {
      const found = (await list.since(cursor)).sessions.find((session) => session.id === id);
      assert.ok(found && found.untilMs > clock.now().getTime() + LIFE_MS);
    }
    clock.advance(LIFE_MS + 120_000);
    await list.sweep();
    assert.deepEqual((await list.since(undefined)).sessions, []);
  });
});
