/**
 * The end of a play, for a player that sends no heartbeat: by the platform's clock no licence from the moment of the end,
 * no media a minute later. The clock stands while a licence is refused, so nothing that waits for its time was in the way.
 */

import assert from "node:assert/strict";
import { TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { PlaybackEnded_Reason } from "#gen/matinee/playback/v1/events_pb";
import { AccountDeletedSchema, SessionsEndedSchema } from "#gen/matinee/profile/v1/events_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { profile } from "#pkg/testkit/module";
import { askLicense, makeKeys } from "../license/fixtures.ts";
import { license } from "../license/module.ts";
import { openStage, type Play, type Stage } from "../playback/fixtures.ts";
import { LivePlays } from "../playback/live-plays.ts";
import { openSessionStore } from "../playback/store/session-store.ts";

const LEASE_MS = 60_000;

describe("the end of a play whose player sends no heartbeat", function () {
  this.timeout(120_000);
  let stage: Stage;
  let keyId: Uint8Array;
  /** What another process of playback knows: the cache and the record are one for all, what it remembers is its own. */
  let elsewhere: LivePlays;

  before(async () => {
    stage = await openStage({}, [license]);
    const { sd } = await makeKeys(stage.platform, stage.packageId);
    keyId = sd.keyId;
    elsewhere = new LivePlays({
      ...{ cache: await stage.platform.host.cache(), store: openSessionStore(stage.platform.database("playback")) },
      ...{ clock: stage.clock, leaseMs: LEASE_MS },
    });
  });
  after(() => stage?.[Symbol.asyncDispose]());

  const licenseOf = ({ playSession, playToken: token }: Play) =>
    askLicense(stage.platform, { session: playSession.name.slice("playSessions/".length), token, keyIds: [keyId] });

  const ways: Readonly<
    Record<string, { readonly by: (play: Play, who: Who) => Promise<unknown>; readonly says: number }>
  > = {
    "it is stopped": { by: (play) => stage.stop(play), says: PlaybackEnded_Reason.STOPPED },
    "the same device plays something else": {
      by: (_, { caller }) => stage.start(caller),
      says: PlaybackEnded_Reason.REPLACED,
    },
    "another device of the account ends it": {
      by: ({ playSession: { name } }, { caller }) => stage.as(caller).endPlaySession({ name }),
      says: PlaybackEnded_Reason.ENDED_ELSEWHERE,
    },
    "its title is unpublished": {
      by: ({ playSession }) => stage.platform.publish(TitleUnpublishedSchema, { title: playSession.title }),
      says: PlaybackEnded_Reason.UNAVAILABLE,
    },
    "its viewer signs out": {
      by: (_, { accountId, sessionId }) =>
        stage.platform.publish(SessionsEndedSchema, { account: `accounts/${accountId}`, sessions: [sessionId] }),
      says: PlaybackEnded_Reason.SIGNED_OUT,
    },
    "the account is deleted": {
      by: (_, { accountId }) =>
        stage.platform.publish(AccountDeletedSchema, { account: `accounts/${accountId}`, profiles: [] }),
      says: PlaybackEnded_Reason.ACCOUNT_DELETED,
    },
    "others of the household want its slot, which nobody keeps": {
      async by(_, { caller }) {
        stage.clock.advance(LEASE_MS + 1);
        for (const device of ["device-0002", "device-0003"]) await stage.start(caller, { device });
      },
      says: PlaybackEnded_Reason.EXPIRED,
    },
  };

  for (const [why, { by, says }] of Object.entries(ways)) {
    it(`where ${why}: no licence while the clock stands, and no media a minute later`, async () => {
      const [accountId, sessionId] = [newId(), newId()];
      const caller = profile({ accountId, sessionId });
      const play = await stage.start(caller);
      const id = play.playSession.name.slice("playSessions/".length);
      assert.equal((await licenseOf(play)).status, 200);
      assert.equal(await stage.mediaOf(play), "");
      assert.equal(await elsewhere.isLive(accountId, id), true);
      await by(play, { accountId, sessionId, caller });
      const endedAt = stage.clock.now();
      const refused = await eventually("no licence is issued", async () => {
        const answer = await licenseOf(play);
        return answer.status === 200 ? undefined : answer;
      });
      assert.deepEqual([refused.status, refused.reason, refused.keys.size], [403, "LICENSE_PLAY_ENDED", 0]);
      assert.deepEqual(stage.clock.now(), endedAt);
      assert.equal((await stage.endOf(play)).reason, says);
      stage.clock.advance(60_000);
      assert.equal(await stage.mediaOf(play), "MEDIA_SESSION_ENDED");
      assert.equal(await elsewhere.isLive(accountId, id), false);
    });
  }

  it("where its rights end: neither from that moment", async () => {
    stage.answers.rightsEnd = new Date(stage.clock.now().getTime() + 90_000);
    const play = await stage.start();
    assert.equal((await licenseOf(play)).status, 200);
    assert.equal(await stage.mediaOf(play), "");
    stage.clock.advance(90_000);
    assert.equal((await licenseOf(play)).reason, "LICENSE_RIGHTS_ENDED");
    assert.equal(await stage.mediaOf(play), "MEDIA_TOKEN_EXPIRED");
  });
});

interface Who {
  readonly accountId: string;
  readonly sessionId: string;
  readonly caller: ReturnType<typeof profile>;
}
