import assert from "node:assert/strict";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import {
  PlaybackEnded_Reason,
  PlaybackEndedSchema,
  PlaybackProgressedSchema,
} from "#gen/matinee/playback/v1/events_pb";
import { PlaySession_State } from "#gen/matinee/playback/v1/play_session_pb";
import { AccountDeletedSchema, SessionsEndedSchema } from "#gen/matinee/profile/v1/events_pb";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { silentLogger } from "#pkg/obs/logger";
import { eventually } from "#pkg/testkit/eventually";
import { profile } from "#pkg/testkit/module";
import { startRedis, type TestRedis } from "#pkg/testkit/redis";
import { refused } from "#pkg/testkit/refused";
import { Answers, grantOf, openStage, type Play, type Stage } from "./fixtures.ts";
import { Progress } from "./progress.ts";

describe("a play that lives", function () {
  // Many starts and ends one after the other, on a machine that may be busy with encodes.
  this.timeout(120_000);
  let stage: Stage;

  before(async () => {
    stage = await openStage();
  });
  after(() => stage[Symbol.asyncDispose]());
  beforeEach(() => {
    Object.assign(stage.answers, new Answers());
  });

  it("counts streams: the third device is refused by name of the others, the same device takes over its own", async () => {
    const who = profile();
    await stage.start(who, { device: "television" });
    const phone = await stage.start(who, { device: "telephone" });
    await assert.rejects(stage.start(who, { device: "tablet-01" }), (error) => {
      assert.ok(isAppError(error, "STREAM_LIMIT_REACHED"));
      assert.match(error.message, /the television, the telephone/);
      return true;
    });
    await stage.start(who, { device: "telephone" });
    assert.equal((await stage.endOf(phone)).reason, PlaybackEnded_Reason.REPLACED);
  });

  it("shows the account what plays, and ends one of it for whoever of the account asks; nobody else's", async () => {
    const [who, stranger] = [profile(), profile()];
    const [television, phone] = [await stage.start(who, { device: "television" }), await stage.start(who)];
    const theirs = await stage.start(stranger);
    const { playSessions } = await stage.as(who).listPlaySessions({});
    assert.deepEqual(
      playSessions.map(({ name, deviceDisplayName, displayTitle, state }) => [
        name,
        deviceDisplayName,
        displayTitle,
        state,
      ]),
      [
        [television.playSession.name, "the television", "The Night Train", PlaySession_State.ACTIVE],
        [phone.playSession.name, "the device-0001", "The Night Train", PlaySession_State.ACTIVE],
      ],
    );
    const page = await stage.as(who).listPlaySessions({ pageSize: 1 });
    assert.deepEqual(page.playSessions, playSessions.slice(0, 1));
    const { playSessions: rest } = await stage.as(who).listPlaySessions({ pageToken: page.nextPageToken });
    assert.deepEqual(rest, playSessions.slice(1));

    for (const name of [theirs.playSession.name, `playSessions/${newId()}`]) {
      await assert.rejects(stage.as(who).endPlaySession({ name }), refused("PLAY_SESSION_NOT_FOUND"));
    }
    stage.later();
    assert.equal(await stage.mediaOf(theirs), "");

    await assert.rejects(stage.start(who, { device: "tablet-01" }), refused("STREAM_LIMIT_REACHED"));
    for (let count = 0; count < 2; count++) await stage.as(who).endPlaySession({ name: television.playSession.name });
    assert.equal((await stage.endOf(television)).reason, PlaybackEnded_Reason.ENDED_ELSEWHERE);
    await assert.rejects(stage.beat(television), (error) => {
      assert.ok(isAppError(error, "PLAY_SESSION_ENDED"));
      assert.equal(error.metadata.end_reason, "ended_elsewhere");
      return true;
    });
    assert.equal(await stage.mediaOf(television), "MEDIA_SESSION_ENDED");
    assert.equal((await stage.as(who).listPlaySessions({})).playSessions.length, 1);
    await stage.start(who, { device: "tablet-01" });
  });

  it("gives two slots to two devices that start at once, not three", async () => {
    const who = profile();
    const starts = await Promise.allSettled(
      ["device-1a", "device-2a", "device-3a"].map((id) => stage.start(who, { device: id })),
    );
    assert.equal(starts.filter(({ status }) => status === "fulfilled").length, 2);
  });

  it("answers the same session to the same request", async () => {
    const who = profile();
    const options = { requestId: newId(), title: `titles/${newId()}` };
    const [first, again] = [await stage.start(who, options), await stage.start(who, options)];
    assert.equal(again.playSession.name, first.playSession.name);
  });

  it("does not let one request play on other devices, play other titles, or outlive its slot", async () => {
    const who = profile();
    const options = { requestId: newId(), title: `titles/${newId()}` };
    await stage.start(who, options);
    await assert.rejects(stage.start(who, { ...options, device: "device-0002" }), refused("PLAY_REQUEST_REUSED"));
    await assert.rejects(stage.start(who, { ...options, title: `titles/${newId()}` }), refused("PLAY_REQUEST_REUSED"));
    stage.clock.advance(61_000);
    for (const id of ["device-0003", "device-0004"]) await stage.start(who, { device: id });
    await assert.rejects(stage.start(who, options), refused("PLAY_SESSION_ENDED"));
  });

  it("keeps the slot while heartbeats come, and ends the play when they stop", async () => {
    const play = await stage.start(profile(), { device: "television" });
    stage.clock.advance(40_000);
    await stage.beat(play, 40);
    const told = await stage.platform.nextEvent(
      PlaybackProgressedSchema,
      (record) => record.playSession === play.playSession.name,
    );
    assert.equal(told.position?.seconds, 40n);
    assert.deepEqual(told.occurTime && timestampDate(told.occurTime), stage.clock.now());
    stage.clock.advance(119_000);
    await stage.beat(play, 41);
    await eventually("the sweep ends it", () => {
      stage.clock.advance(30_000);
      return stage.platform.events(PlaybackEndedSchema).some((event) => event.playSession === play.playSession.name);
    });
    const { reason, position, watched } = await stage.endOf(play);
    assert.deepEqual([reason, position?.seconds, watched?.seconds], [PlaybackEnded_Reason.EXPIRED, 41n, 159n]);
    stage.later();
    assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
  });

  it("answers a fresh token when the one that came grows old, and signs none before", async () => {
    const play = await stage.start();
    stage.clock.advance(100_000);
    assert.equal((await stage.beat(play)).playToken, "");
    stage.clock.advance(60_000);
    const { playToken } = await stage.beat(play);
    const [old, fresh] = [grantOf(play.playToken), grantOf(playToken)];
    assert.equal(fresh.claims.exp, Number(old.claims.exp) + 160);
    assert.deepEqual(fresh.grant, old.grant);
  });

  it("tells a position at most once in ten seconds", async () => {
    const play = await stage.start();
    for (let second = 1; second <= 30; second++) {
      await stage.beat(play, second);
      stage.clock.advance(1_000);
    }
    await stage.stop(play, 31_000);
    const told = () =>
      stage.platform
        .events(PlaybackProgressedSchema)
        .filter((record) => record.playSession === play.playSession.name)
        .map(({ position }) => Number(position?.seconds));
    await eventually("the last one", () => told().includes(31));
    // What waits for the log gives way to what is newer.
    assert.ok(told().length <= 4, told().join());
  });

  it("loses no position that was told when the process ends", async () => {
    const told: string[] = [];
    let finish: (() => void) | undefined;
    const progress = new Progress({
      ...{ clock: stage.clock, log: silentLogger },
      async append(positions) {
        if (finish === undefined) {
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
        }
        told.push(...positions.map(({ profileId }) => profileId));
      },
    });
    const about = { accountId: newId(), titleId: newId(), positionMs: 1, durationMs: 2, at: stage.clock.now() };
    const stop = new AbortController();
    const running = progress.run(stop.signal);
    progress.tell({ ...about, sessionId: "1", profileId: "first" });
    await eventually("the log takes the first", () => finish !== undefined);
    progress.tell({ ...about, sessionId: "2", profileId: "second" });
    stop.abort();
    finish?.();
    await running;
    assert.deepEqual(told, ["first", "second"]);
  });

  it("does not take one session's token for another", async () => {
    const [mine, theirs] = [await stage.start(), await stage.start()];
    await assert.rejects(stage.beat({ ...theirs, playToken: mine.playToken }), refused("PLAY_SESSION_MISMATCH"));
    await assert.rejects(stage.stop({ ...theirs, playToken: mine.playToken }), refused("PLAY_SESSION_MISMATCH"));
  });

  it("asks catalog again only when its answer is a minute old, and ends what may no longer be watched", async () => {
    const play = await stage.start();
    const asked = stage.answers.availabilityAsked;
    stage.answers.isAvailable = false;
    for (let count = 0; count < 10; count++) await stage.beat(play);
    assert.equal(stage.answers.availabilityAsked, asked);
    stage.clock.advance(60_000);
    await assert.rejects(stage.beat(play), refused("TITLE_UNAVAILABLE"));
    await assert.rejects(stage.beat(play), refused("TITLE_UNAVAILABLE"));
    assert.equal(stage.answers.availabilityAsked, asked + 1);
    assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.UNAVAILABLE);
    stage.later();
    assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
  });

  it("stops once, also when told twice, and is over for its token and its media", async () => {
    const play = await stage.start();
    assert.equal((await fetch(stage.manifestOf(play))).status, 200);
    await stage.stop(play, 74_000);
    await stage.stop(play, 74_000);
    const finished = await stage.platform.nextEvent(
      PlaybackProgressedSchema,
      (record) => record.playSession === play.playSession.name,
    );
    assert.equal(finished.isFinished, true);
    const ended = await stage.endOf(play);
    assert.equal(ended.reason, PlaybackEnded_Reason.STOPPED);
    assert.deepEqual(ended.endTime && timestampDate(ended.endTime), stage.clock.now());
    assert.equal(
      stage.platform.events(PlaybackEndedSchema).filter((event) => event.playSession === play.playSession.name).length,
      1,
    );
    await assert.rejects(stage.beat(play), (error) => {
      assert.ok(isAppError(error, "PLAY_SESSION_ENDED"));
      assert.equal(error.metadata.end_reason, "stopped");
      return true;
    });
    const answer = await fetch(stage.manifestOf(play));
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /MEDIA_SESSION_ENDED/);
  });

  it("leaves one play of twelve starts with one device id, however polite their players are", async () => {
    const who = profile();
    const plays: Play[] = [];
    for (let count = 0; count < 12; count++) plays.push(await stage.start(who));
    const last = plays.pop();
    assert.ok(last);
    stage.later();
    for (const play of plays) {
      assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.REPLACED);
      await assert.rejects(stage.beat(play), refused("PLAY_SESSION_ENDED"));
      assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
    }
    assert.equal(await stage.mediaOf(last), "");
  });

  it("leaves as many plays as the plan has streams, where players that never send a heartbeat start one by one", async () => {
    const who = profile();
    const plays: Play[] = [];
    for (let count = 0; count < 6; count++) {
      plays.push(await stage.start(who, { device: `device-${1000 + count}` }));
      stage.clock.advance(61_000);
    }
    stage.later();
    const alive: string[] = [];
    for (const play of plays) alive.push(await stage.mediaOf(play));
    assert.equal(
      alive.filter((refusal) => refusal === "").length,
      1,
      "those before gave their slots to the later ones",
    );
    assert.equal((await stage.endOf(plays[0] as Play)).reason, PlaybackEnded_Reason.EXPIRED);
  });

  it("ends the plays of a title when it is unpublished, and none that began after it came back", async () => {
    const title = `titles/${newId()}`;
    const [play, other] = [await stage.start(profile(), { title }), await stage.start()];
    stage.clock.advance(1_000);
    const unpublished = stage.clock.now();
    await stage.platform.publish(TitleUnpublishedSchema, { title });
    assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.UNAVAILABLE);
    await assert.rejects(stage.beat(play), refused("TITLE_UNAVAILABLE"));
    await stage.beat(other);
    stage.clock.advance(1_000);
    const again = await stage.start(profile(), { title });
    await stage.platform.publish(TitleUnpublishedSchema, { title }, { occurredAt: unpublished });
    const bystander = await stage.start(profile(), { title: `titles/${newId()}` });
    await stage.platform.publish(TitleUnpublishedSchema, { title: bystander.playSession.title });
    await stage.endOf(bystander);
    stage.later();
    await stage.beat(again);
    assert.equal(await stage.mediaOf(again), "");
    assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
  });

  it("ends the plays of a sign-in session that ended, and no others of the account", async () => {
    const [accountId, sessionId] = [newId(), newId()];
    const play = await stage.start(profile({ accountId, sessionId }), { device: "television" });
    const other = await stage.start(profile({ accountId, sessionId: newId() }), { device: "telephone" });
    await stage.platform.publish(SessionsEndedSchema, { account: `accounts/${accountId}`, sessions: [sessionId] });
    assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.SIGNED_OUT);
    await assert.rejects(stage.beat(play), refused("PLAY_SESSION_ENDED"));
    await stage.beat(other);
    stage.later();
    assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
    await stage.start(profile({ accountId }), { device: "tablet-01" });
  });

  it("ends and forgets the plays of an erased account", async () => {
    const accountId = newId();
    const play = await stage.start(profile({ accountId }));
    await stage.platform.publish(AccountDeletedSchema, { account: `accounts/${accountId}`, profiles: [] });
    assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.ACCOUNT_DELETED);
    await assert.rejects(stage.beat(play), refused("PLAY_SESSION_ENDED"));
    stage.later();
    assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
  });

  it("cuts off an answer that is still running when its play ends", async () => {
    const play = await stage.start();
    const answer = await fetch(stage.manifestOf(play).replace("hd.mpd", "audio-de-2.mp4"));
    const reader = answer.body?.getReader();
    assert.ok(reader);
    await reader.read();
    await stage.stop(play);
    const ended = assert.rejects(async () => {
      for (;;) if ((await reader.read()).done) return;
    });
    await eventually("it is cut off", async () => {
      stage.clock.advance(20_000);
      return (
        (await Promise.race([ended.then(() => true), new Promise((done) => setTimeout(done, 20, false))])) === true
      );
    });
  });
});

describe("a play whose cache was lost", function () {
  this.timeout(120_000);
  let stage: Stage;

  before(async () => {
    stage = await openStage();
  });
  after(() => stage[Symbol.asyncDispose]());

  /** What a cache may do at any time. */
  const lose = async (accountId: string) => (await stage.platform.host.cache()).delete(`playback:{${accountId}}:plays`);

  it("goes on with its next heartbeat, and one that had ended does not", async () => {
    const accountId = newId();
    const play = await stage.start(profile({ accountId }), { device: "television" });
    const stopped = await stage.start(profile({ accountId }), { device: "telephone" });
    await stage.stop(stopped);
    stage.later();
    await lose(accountId);
    assert.equal(await stage.mediaOf(play), "");
    assert.equal(await stage.mediaOf(stopped), "MEDIA_SESSION_ENDED");
    await lose(accountId);
    await stage.beat(play);
    await lose(accountId);
    await assert.rejects(stage.beat(stopped), refused("PLAY_SESSION_ENDED"));
    await lose(accountId);
    await stage.stop(play);
    assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.STOPPED);
  });

  it("still counts, and gives its slot away when nobody keeps it", async () => {
    const accountId = newId();
    const start = (device: string) => stage.start(profile({ accountId }), { device });
    const [kept, silent] = [await start("television"), await start("telephone")];
    await lose(accountId);
    await assert.rejects(start("tablet-01"), refused("STREAM_LIMIT_REACHED"));
    await start("television");
    assert.equal((await stage.endOf(kept)).reason, PlaybackEnded_Reason.REPLACED);
    stage.clock.advance(61_000);
    await start("tablet-01");
    assert.equal((await stage.endOf(silent)).reason, PlaybackEnded_Reason.EXPIRED);
  });

  it("is ended when its player is gone for good", async () => {
    const accountId = newId();
    const play = await stage.start(profile({ accountId }));
    await lose(accountId);
    await eventually("the sweep ends it", () => {
      stage.clock.advance(30_000);
      return stage.platform
        .events(PlaybackEndedSchema)
        .some(({ playSession }) => playSession === play.playSession.name);
    });
    assert.equal((await stage.endOf(play)).reason, PlaybackEnded_Reason.EXPIRED);
  });
});

describe("a play whose cache is a Redis server", function () {
  this.timeout(120_000);
  let redis: TestRedis;
  let stage: Stage;

  before(async () => {
    redis = await startRedis();
    stage = await openStage({ CACHE_URL: redis.url });
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  it("is counted, kept, replaced and stopped there", async () => {
    const accountId = newId();
    const start = (device: string) => stage.start(profile({ accountId }), { device });
    const starts = await Promise.allSettled(["device-1a", "device-2a", "device-3a"].map(start));
    assert.equal(starts.filter(({ status }) => status === "fulfilled").length, 2);
    const [play] = starts.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    assert.ok(play);
    await Promise.all([1, 2, 3, 4, 5].map((second) => stage.beat(play, second)));
    await stage.stop(play);
    await assert.rejects(stage.beat(play), refused("PLAY_SESSION_ENDED"));
    await start("device-3a");
  });

  it("goes on within its token while the server does not answer, and is the same afterwards", async () => {
    const [play, stopped] = [await stage.start(), await stage.start()];
    await stage.stop(stopped);
    stage.later();
    redis.freeze(true);
    await stage.beat(play);
    assert.equal(await stage.mediaOf(play), "");
    redis.freeze(false);
    await eventually("it is counted again", () =>
      stage.beat(stopped).then(
        () => false,
        (error) => isAppError(error, "PLAY_SESSION_ENDED"),
      ),
    );
    await stage.beat(play);
  });
});
