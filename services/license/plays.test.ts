import assert from "node:assert/strict";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { PlaybackEndedSchema } from "#gen/matinee/playback/v1/events_pb";
import { AccountDeletedSchema } from "#gen/matinee/profile/v1/events_pb";
import { ManualClock, newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { openModules, type TestPlatform } from "#pkg/testkit/module";
import { AUDITOR, askLicense, makeKeys, playToken } from "./fixtures.ts";
import { license } from "./module.ts";

describe("plays and their licences", () => {
  let platform: TestPlatform;
  const clock = new ManualClock(new Date("2026-11-21T12:00:00Z"));

  before(async () => {
    platform = await openModules([license], { clock });
  });
  after(() => platform[Symbol.asyncDispose]());

  const records = async (session: string) =>
    (
      await platform
        .client(LicenseService, { as: AUDITOR })
        .listLicenseRecords({ playSession: `playSessions/${session}` })
    ).licenseRecords;

  describe("a renewal", () => {
    it("is the same licence again, without a row of its own, and says how long it lasts", async () => {
      const { asset, audio, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      const first = await askLicense(platform, { session, token, keyIds: [audio.keyId, sd.keyId] });
      assert.equal(first.headers.get("x-license-duration"), "300");
      for (let count = 0; count < 3; count++) {
        clock.advance(20_000);
        const again = await askLicense(platform, { session, token, keyIds: [sd.keyId, audio.keyId] });
        assert.deepEqual([...again.keys].sort(), [...first.keys].sort());
      }
      assert.equal((await records(session)).length, 1);
      const other = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      assert.equal(other.status, 200);
      assert.equal((await records(session)).length, 2, "other keys are another licence");
    });

    it("never lasts past the rights", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const rightsEndAt = new Date(clock.now().getTime() + 60_000);
      const token = await playToken(platform, { session, asset, rightsEndAt });
      const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      assert.equal(answer.headers.get("x-license-duration"), "60");
    });
  });

  describe("a play that has ended", () => {
    const end = (session: string) => {
      const tokenEndTime = timestampFromDate(new Date(clock.now().getTime() + 300_000));
      const endTime = timestampFromDate(clock.now());
      return platform.publish(PlaybackEndedSchema, { playSession: `playSessions/${session}`, endTime, tokenEndTime });
    };
    const refusedSoon = (session: string, token: string, keyIds: Uint8Array[]) =>
      eventually("it is refused", async () => {
        const answer = await askLicense(platform, { session, token, keyIds });
        return answer.status === 200 ? undefined : answer;
      });

    it("gets no licence and no renewal, though its token is good; others go on", async () => {
      const { asset, sd } = await makeKeys(platform);
      const [session, bystander] = [newId(), newId()];
      const [token, theirs] = [
        await playToken(platform, { session, asset }),
        await playToken(platform, { session: bystander, asset }),
      ];
      assert.equal((await askLicense(platform, { session, token, keyIds: [sd.keyId] })).status, 200);
      await end(session);
      const answer = await refusedSoon(session, token, [sd.keyId]);
      assert.deepEqual([answer.status, answer.reason, answer.keys.size], [403, "LICENSE_PLAY_ENDED", 0]);
      assert.match(answer.message ?? "", /has ended/);
      assert.equal((await records(session)).at(0)?.refusalReason, "LICENSE_PLAY_ENDED");
      await end(session);
      assert.equal((await askLicense(platform, { session, token, keyIds: [sd.keyId] })).status, 403);
      assert.equal((await askLicense(platform, { session: bystander, token: theirs, keyIds: [sd.keyId] })).status, 200);
    });

    it("gets none either where it never had one", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      await end(session);
      const answer = await refusedSoon(session, token, [sd.keyId]);
      assert.equal(answer.reason, "LICENSE_PLAY_ENDED");
    });

    it("stays ended where the cache has forgotten it", async () => {
      // So small that each play drives out the one before.
      await using small = await openModules([license], { clock, settings: { CACHE_URL: "memory:?max_bytes=450" } });
      const { asset, sd } = await makeKeys(small);
      const ask = async (session: string) =>
        askLicense(small, { session, token: await playToken(small, { session, asset }), keyIds: [sd.keyId] });
      const ended = newId();
      const times = { endTime: timestampFromDate(clock.now()), tokenEndTime: timestampFromDate(clock.now()) };
      await small.publish(PlaybackEndedSchema, { playSession: `playSessions/${ended}`, ...times });
      await eventually("it is refused", async () => (await ask(ended)).reason === "LICENSE_PLAY_ENDED");
      for (let count = 0; count < 5; count++) assert.equal((await ask(newId())).status, 200);
      assert.equal((await ask(ended)).reason, "LICENSE_PLAY_ENDED");
    });
  });

  describe("an erased account", () => {
    it("is taken out of the audit log, and what was decided stays", async () => {
      const { asset, sd } = await makeKeys(platform);
      const [session, account] = [newId(), newId()];
      const token = await playToken(platform, { session, asset, account });
      await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      assert.equal((await records(session))[0]?.account, `accounts/${account}`);
      await platform.publish(AccountDeletedSchema, { account: `accounts/${account}`, profiles: [] });
      const record = await eventually("it is taken out", async () => {
        const [found] = await records(session);
        return found?.account === "" ? found : undefined;
      });
      assert.deepEqual([record.remoteAddress, record.isIssued], ["", true]);
    });
  });
});
