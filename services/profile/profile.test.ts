import assert from "node:assert/strict";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { PlaybackProgressedSchema } from "#gen/matinee/playback/v1/events_pb";
import {
  AccountDeletedSchema,
  ListChangedSchema,
  ProfileCreatedSchema,
  SessionsEndedSchema,
} from "#gen/matinee/profile/v1/events_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { ManualClock, newId, systemClock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import { openModules, service, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { profile } from "./module.ts";

const PASSWORD = "a long enough password";
/** The session that an access token belongs to. */
const sessionOf = (accessToken: string | undefined) => {
  const [, payload = ""] = (accessToken ?? "").split(".");
  return (JSON.parse(Buffer.from(payload, "base64url").toString()) as { sid: string }).sid;
};
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe("the profile service", () => {
  let platform: TestPlatform;
  const client = () => platform.client(ProfileService);
  const signUp = async (email = `${newId()}@example.test`, requestId = newId()) => {
    const answer = await client().signUp({ email, password: PASSWORD, displayName: "Ada", requestId });
    assert.ok(answer.tokens && answer.account && answer.profile);
    return { ...answer, tokens: answer.tokens, account: answer.account, profile: answer.profile, email, requestId };
  };

  before(async () => {
    platform = await openModules([profile], { settings: { PROFILE_REFRESH_GRACE: "0s" } });
  });
  after(() => platform[Symbol.asyncDispose]());

  it("signs up once for the same request, and refuses the address to another", async () => {
    const first = await signUp();
    const again = await signUp(first.email, first.requestId);
    assert.equal(again.account.name, first.account.name);
    await assert.rejects(signUp(first.email), refused("EMAIL_TAKEN"));
    await assert.rejects(signUp(first.email.toUpperCase()), refused("EMAIL_TAKEN"));
    const told = await platform.nextEvent(ProfileCreatedSchema, (event) => event.account === first.account.name);
    assert.equal(told.profile, first.profile.name);
  });

  it("signs in with the right password only, and does not tell which half was wrong", async () => {
    const { email, account } = await signUp();
    const answer = await client().signIn({ email, password: PASSWORD });
    assert.equal(answer.account?.name, account.name);
    assert.ok(answer.profile, "the only profile is chosen");
    await assert.rejects(client().signIn({ email, password: "a wrong password" }), refused("SIGN_IN_FAILED"));
    await assert.rejects(
      client().signIn({ email: "nobody@example.test", password: PASSWORD }),
      refused("SIGN_IN_FAILED"),
    );
  });

  it("slows down whoever guesses the password of one address", async () => {
    const { email } = await signUp();
    for (let tries = 0; tries < 5; tries++) {
      await assert.rejects(client().signIn({ email, password: "a wrong password" }), refused("SIGN_IN_FAILED"));
    }
    await assert.rejects(client().signIn({ email, password: PASSWORD }), refused("SIGN_IN_TOO_OFTEN"));
  });

  it("slows down whoever guesses it with a stolen access token", async () => {
    const { tokens } = await signUp();
    const guess = () =>
      client().deleteAccount({ proof: { case: "password", value: "a wrong password" } }, bearer(tokens.accessToken));
    for (let tries = 0; tries < 5; tries++) await assert.rejects(guess(), refused("SIGN_IN_FAILED"));
    await assert.rejects(guess(), refused("SIGN_IN_TOO_OFTEN"));
  });

  it("refuses short passwords and addresses that are none, naming the field", async () => {
    const attempt = client().signUp({
      email: "not-an-address",
      password: "short",
      displayName: "",
      requestId: newId(),
    });
    await assert.rejects(attempt, (error) => {
      assert.ok(isAppError(error, "VALIDATION_FAILED"));
      assert.deepEqual(error.fields.map(({ field }) => field).sort(), ["display_name", "email", "password"]);
      return true;
    });
  });

  it("answers the account to its own token, and to no forged one", async () => {
    const { tokens, account } = await signUp();
    assert.equal((await client().getAccount({}, bearer(tokens.accessToken))).account?.name, account.name);
    const forged = `${tokens.accessToken.slice(0, -6)}AAAAAA`;
    await assert.rejects(client().getAccount({}, bearer(forged)), refused("TOKEN_INVALID"));
    await assert.rejects(client().getAccount({}), refused("SIGN_IN_REQUIRED"));
  });

  it("rotates refresh tokens; one that is used twice ends the session", async () => {
    const { tokens } = await signUp();
    const second = await client().refreshSession({ refreshToken: tokens.refreshToken });
    await assert.rejects(
      client().refreshSession({ refreshToken: tokens.refreshToken }),
      refused("REFRESH_TOKEN_REUSED"),
    );
    const refreshToken = second.tokens?.refreshToken ?? "";
    await assert.rejects(client().refreshSession({ refreshToken }), refused("SESSION_ENDED"));
    await assert.rejects(client().refreshSession({ refreshToken: "nonsense" }), refused("SESSION_ENDED"));
  });

  it("tells which sessions ended, whatever ended them, and each once", async () => {
    const { email, account, tokens } = await signUp();
    const told = () =>
      platform
        .events(SessionsEndedSchema)
        .filter((event) => event.account === account.name)
        .flatMap((event) => event.sessions);
    const isTold = (session: string) =>
      platform.nextEvent(SessionsEndedSchema, (event) => event.sessions.includes(session));
    const signIn = async () => (await client().signIn({ email, password: PASSWORD })).tokens;

    await client().signOut({}, bearer(tokens.accessToken));
    const ended = await isTold(sessionOf(tokens.accessToken));
    assert.ok(ended.endTime);

    const reused = await signIn();
    const refreshToken = reused?.refreshToken ?? "";
    await client().refreshSession({ refreshToken });
    await assert.rejects(client().refreshSession({ refreshToken }), refused("REFRESH_TOKEN_REUSED"));
    await isTold(sessionOf(reused?.accessToken));

    const [one, other] = [await signIn(), await signIn()];
    await client().signOut({ isEverywhere: true }, bearer(one?.accessToken ?? ""));
    const everywhere = await isTold(sessionOf(other?.accessToken));
    assert.deepEqual(
      [...everywhere.sessions].sort(),
      [sessionOf(one?.accessToken), sessionOf(other?.accessToken)].sort(),
    );

    const last = await signIn();
    await client().deleteAccount({ proof: { case: "password", value: PASSWORD } }, bearer(last?.accessToken ?? ""));
    await isTold(sessionOf(last?.accessToken));
    assert.equal(told().length, 5);
  });

  it("does not choose another account's profile", async () => {
    const [mine, theirs] = [await signUp(), await signUp()];
    const attempt = client().refreshSession({ refreshToken: mine.tokens.refreshToken, profile: theirs.profile.name });
    await assert.rejects(attempt, refused("PROFILE_NOT_FOUND"));
  });

  it("ends every session when asked to", async () => {
    const { email, tokens } = await signUp();
    const other = await client().signIn({ email, password: PASSWORD });
    await client().signOut({ isEverywhere: true }, bearer(tokens.accessToken));
    const refreshToken = other.tokens?.refreshToken ?? "";
    await assert.rejects(client().refreshSession({ refreshToken }), refused("SESSION_ENDED"));
  });

  it("keeps a list, newest first, and tells each change once", async () => {
    const { tokens, profile: own } = await signUp();
    const titles = [`titles/${newId()}`, `titles/${newId()}`] as const;
    for (const title of [...titles, titles[1]]) await client().addListItem({ title }, bearer(tokens.accessToken));
    const page = await client().listListItems({ pageSize: 1 }, bearer(tokens.accessToken));
    assert.deepEqual(
      page.items.map(({ title }) => title),
      [titles[1]],
    );
    const rest = await client().listListItems(
      { pageSize: 1, pageToken: page.nextPageToken },
      bearer(tokens.accessToken),
    );
    assert.deepEqual(
      rest.items.map(({ title }) => title),
      [titles[0]],
    );
    await client().removeListItem({ title: titles[0] }, bearer(tokens.accessToken));
    await platform.nextEvent(ListChangedSchema, (event) => event.title === titles[0] && !event.isListed);
    const told = platform.events(ListChangedSchema).filter(({ profile: name }) => name === own.name);
    assert.equal(told.length, 3);
  });

  it("keeps the newest position whatever order records come in, and however often", async () => {
    const { tokens, account, profile: own } = await signUp();
    const title = `titles/${newId()}`;
    const base = { playSession: `playSessions/${newId()}`, account: account.name, profile: own.name, title };
    const tell = async (seconds: number, agoMs: number) => {
      const occurTime = timestampFromDate(new Date(systemClock.now().getTime() - agoMs));
      const record = { ...base, position: durationFromMs(seconds * 1000), duration: durationFromMs(60_000), occurTime };
      await platform.append(PlaybackProgressedSchema, record, own.name);
    };
    const positionIs = (seconds: number) =>
      eventually(`${seconds} s are kept`, async () => {
        const { resumePoints } = await client().listResumePoints({ title }, bearer(tokens.accessToken));
        return Number(resumePoints[0]?.position?.seconds) === seconds;
      });
    await tell(20, 5_000);
    await positionIs(20);
    await tell(10, 9_000);
    await tell(20, 5_000);
    // Of one partition with those before, so that they have been read when it shows.
    await tell(21, 4_000);
    await positionIs(21);
    const viewer = await platform
      .client(ProfileService, { as: service("playback") })
      .getViewer({ account: account.name, profile: own.name, title }, bearer(tokens.accessToken));
    assert.equal(viewer.resumePoint?.position?.seconds, 21n);
    assert.equal(viewer.viewer?.maxStreams, 2);
  });

  it("answers a viewer to playback and catalog with the viewer's own token only", async () => {
    const { tokens, account, profile: own } = await signUp();
    const request = { account: account.name, profile: own.name };
    await assert.rejects(client().getViewer(request, bearer(tokens.accessToken)), refused("TARGET_NOT_FOUND"));
    const stranger = platform.client(ProfileService, { as: service("telemetry") });
    await assert.rejects(stranger.getViewer(request, bearer(tokens.accessToken)), refused("ACCESS_DENIED"));
    const playback = platform.client(ProfileService, { as: service("playback") });
    await assert.rejects(playback.getViewer(request), refused("ACCESS_DENIED"));
    const other = await signUp();
    await assert.rejects(playback.getViewer(request, bearer(other.tokens.accessToken)), refused("PROFILE_NOT_FOUND"));
    assert.ok((await playback.getViewer(request, bearer(tokens.accessToken))).viewer);
  });

  it("erases an account with everything that hangs on it", async () => {
    const { tokens, account, email, profile: own } = await signUp();
    await assert.rejects(
      client().deleteAccount({ proof: { case: "password", value: "a wrong password" } }, bearer(tokens.accessToken)),
      refused("SIGN_IN_FAILED"),
    );
    await assert.rejects(client().deleteAccount({}, bearer(tokens.accessToken)), refused("SIGN_IN_FAILED"));
    await client().deleteAccount({ proof: { case: "password", value: PASSWORD } }, bearer(tokens.accessToken));
    const told = await platform.nextEvent(AccountDeletedSchema, (event) => event.account === account.name);
    assert.deepEqual(told.profiles, [own.name]);
    await assert.rejects(client().getAccount({}, bearer(tokens.accessToken)), refused("SESSION_ENDED"));
    await assert.rejects(client().signIn({ email, password: PASSWORD }), refused("SIGN_IN_FAILED"));
  });
});

describe("the operator's account", () => {
  it("is made at start with the role and its permissions, and takes a new password at the next", async () => {
    await using platform = await openModules([profile], {
      settings: { PROFILE_OPERATOR_EMAIL: "studio@example.test", PROFILE_OPERATOR_PASSWORD: PASSWORD },
    });
    const answer = await platform.client(ProfileService).signIn({ email: "studio@example.test", password: PASSWORD });
    const [, payload = ""] = (answer.tokens?.accessToken ?? "").split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as {
      roles: string[];
      permissions: string[];
    };
    assert.deepEqual(claims.roles, ["operator"]);
    assert.ok(claims.permissions.includes("assets.write"));
  });
});

describe("an access token", () => {
  it("stops working when its time is over", async () => {
    const clock = new ManualClock(new Date());
    await using platform = await openModules([profile], { clock });
    const client = platform.client(ProfileService);
    const { tokens } = await client.signUp({
      email: "clock@example.test",
      password: PASSWORD,
      displayName: "Clock",
      requestId: newId(),
    });
    clock.advance(16 * 60_000);
    await assert.rejects(client.getAccount({}, bearer(tokens?.accessToken ?? "")), refused("TOKEN_EXPIRED"));
  });
});
