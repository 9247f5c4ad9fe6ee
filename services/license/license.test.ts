import assert from "node:assert/strict";
import { KeySystem, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { AssetDeletedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { LicenseIssuedSchema, LicenseRefusedSchema } from "#gen/matinee/license/v1/events_pb";
import { KeySystemStatus_Trust } from "#gen/matinee/license/v1/license_record_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { ManualClock, newId } from "#pkg/clock/clock";
import { dumpDatabase } from "#pkg/testkit/dump";
import { eventually } from "#pkg/testkit/eventually";
import { type Caller, openModules, operator, profile, service, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { type Answer, AUDITOR, askLicense, hexOf, makeKeys, playToken, type TokenCaller } from "./fixtures.ts";
import { license } from "./module.ts";

const DAY_MS = 86_400_000;

describe("license", () => {
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

  /** The refusal's reason has its message and a row in the audit log, and nothing was issued. */
  async function assertRefused(answer: Answer, status: number, reason: string, message: RegExp): Promise<void> {
    assert.deepEqual([answer.status, answer.reason], [status, reason]);
    assert.match(answer.message ?? "", message);
    assert.equal(answer.keys.size, 0);
    const event = await platform.nextEvent(LicenseRefusedSchema, ({ record }) => record?.refusalReason === reason);
    assert.equal(event.record?.isIssued, false);
    const all = await platform.client(LicenseService, { as: AUDITOR }).listLicenseRecords({});
    assert.ok(all.licenseRecords.some((record) => record.name === event.record?.name));
  }

  describe("content keys", () => {
    it("are made once for each asset and class, random, and the same at every call", async () => {
      const first = await makeKeys(platform);
      const again = await makeKeys(platform, first.asset);
      const other = await makeKeys(platform);
      assert.deepEqual(hexOf(again.sd.key), hexOf(first.sd.key));
      assert.deepEqual(hexOf(again.sd.keyId), hexOf(first.sd.keyId));
      const all = [first, other].flatMap((keys) => [keys.audio, keys.sd, keys.hd]);
      assert.equal(new Set(all.flatMap(({ keyId, key }) => [hexOf(keyId), hexOf(key)])).size, 12);
      assert.ok(all.every(({ keyId, key }) => keyId.byteLength === 16 && key.byteLength === 16));
    });

    it("are the same for callers that ask at the same moment", async () => {
      const asset = newId();
      const answers = await Promise.all(Array.from({ length: 8 }, () => makeKeys(platform, asset)));
      assert.equal(new Set(answers.map(({ hd }) => hexOf(hd.key))).size, 1);
    });

    it("are of the one crypto period that an asset has, and none is made for another", async () => {
      const { asset, sd } = await makeKeys(platform);
      const packager = platform.client(LicenseService, { as: service("packager") });
      const ask = (id: string, cryptoPeriod: bigint) =>
        packager.ensureContentKeys({ content: `assets/${id}`, trackClasses: [TrackClass.SD], cryptoPeriod });
      const { contentKeys } = await ask(asset, 0n);
      assert.deepEqual(
        contentKeys.map(({ keyId }) => hexOf(keyId)),
        [hexOf(sd.keyId)],
      );
      const fresh = newId();
      for (const id of [asset, fresh]) await assert.rejects(ask(id, 1n), refused("CRYPTO_PERIOD_UNSUPPORTED"));
      const made = await platform
        .database("license")
        .query("select key_id from content_keys where asset_id = $1", [fresh]);
      assert.deepEqual(made, []);
      for (const content of [`channels/${fresh}`, fresh]) {
        const other = packager.ensureContentKeys({ content, trackClasses: [TrackClass.SD] });
        await assert.rejects(other, refused("VALIDATION_FAILED"));
      }
    });

    it("are answered to the packager and to nobody else", async () => {
      const request = { content: `assets/${newId()}`, trackClasses: [TrackClass.SD] };
      const ask = (as: Caller) => platform.client(LicenseService, { as }).ensureContentKeys(request);
      for (const as of [profile(), operator(["licenses.read"])]) {
        await assert.rejects(ask(as), refused("TARGET_NOT_FOUND"));
      }
      await assert.rejects(ask(service("playback")), refused("ACCESS_DENIED"));
    });

    it("are nowhere in the database, in hex, base64, base64url or raw", async () => {
      const { asset, audio, sd, hd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      assert.equal((await askLicense(platform, { session, token, keyIds: [audio.keyId, sd.keyId] })).status, 200);
      const rows = await dumpDatabase();
      assert.ok(rows.includes(hexOf(sd.keyId)), "the dump holds what it should");
      for (const { key } of [audio, sd, hd]) {
        const bytes = Buffer.from(key);
        for (const form of [
          bytes.toString("hex"),
          bytes.toString("base64").slice(0, 21),
          bytes.toString("base64url"),
        ]) {
          assert.ok(!rows.includes(form), "a content key lies in the clear");
        }
        assert.ok(!rows.includes(hexOf(Buffer.from(bytes.toString("base64")))));
      }
    });

    it("take the vectors of their own asset's tracks and refuse those of another's", async () => {
      const { asset, sd } = await makeKeys(platform);
      const packager = platform.client(LicenseService, { as: service("packager") });
      const iv = { keyId: sd.keyId, track: "video-360p", constantIv: new Uint8Array(16).fill(1) };
      const of = { package: `packages/${newId()}`, revision: 0, ivs: [iv] };
      await packager.recordContentKeyIvs({ ...of, content: `assets/${asset}` });
      await packager.recordContentKeyIvs({ ...of, content: `assets/${asset}` });
      await assert.rejects(
        packager.recordContentKeyIvs({ ...of, content: `assets/${newId()}` }),
        refused("CONTENT_KEY_UNKNOWN"),
      );
    });

    it("are gone with their asset, for good", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      assert.equal((await askLicense(platform, { session, token, keyIds: [sd.keyId] })).status, 200);
      await platform.publish(AssetDeletedSchema, { asset: `assets/${asset}` });
      await eventually("the key is refused", async () => {
        const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
        return answer.reason === "LICENSE_KEY_NOT_GRANTED";
      });
      await assert.rejects(makeKeys(platform, asset), refused("KEYS_OF_DELETED_ASSET"));
    });
  });

  describe("a licence", () => {
    it("holds the keys that were asked for and granted, and is recorded", async () => {
      const { asset, audio, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      const answer = await askLicense(platform, { session, token, keyIds: [audio.keyId, sd.keyId] });
      assert.equal(answer.status, 200);
      assert.deepEqual([...answer.keys].sort(), [audio, sd].map(({ keyId, key }) => [hexOf(keyId), hexOf(key)]).sort());
      assert.equal(answer.headers.get("x-license-trust"), "none");
      assert.equal(answer.headers.get("cache-control"), "no-store");
      const [record, ...rest] = await records(session);
      assert.equal(rest.length, 0);
      assert.ok(record?.isIssued);
      assert.equal(record.keySystem, KeySystem.CLEARKEY);
      assert.equal(record.asset, `assets/${asset}`);
      assert.equal(record.refusalReason, "");
      assert.notEqual(record.remoteAddress, "");
      assert.deepEqual(record.issuedKeyIds.map(hexOf).sort(), [audio, sd].map(({ keyId }) => hexOf(keyId)).sort());
      await platform.nextEvent(LicenseIssuedSchema, (event) => event.record?.name === record.name);
    });

    it("leaves out keys of a class without a policy, of another asset, and unknown ones", async () => {
      const { asset, audio, sd, hd } = await makeKeys(platform);
      const other = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      const keyIds = [audio.keyId, sd.keyId, hd.keyId, other.sd.keyId, new Uint8Array(16).fill(9)];
      const answer = await askLicense(platform, { session, token, keyIds });
      assert.deepEqual([...answer.keys.keys()].sort(), [audio, sd].map(({ keyId }) => hexOf(keyId)).sort());
      const [record] = await records(session);
      assert.equal(record?.requestedKeyIds.length, 5);
      assert.equal(record?.issuedKeyIds.length, 2);
    });

    it("does not depend on the content type", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      for (const type of ["application/json", "application/octet-stream", "text/plain"]) {
        const headers = { "content-type": type };
        assert.equal((await askLicense(platform, { session, token, keyIds: [sd.keyId], headers })).status, 200);
      }
    });
  });

  describe("a refusal", () => {
    it("comes when nothing of what is asked for is granted", async () => {
      const { asset, hd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      const answer = await askLicense(platform, { session, token, keyIds: [hd.keyId] });
      await assertRefused(answer, 403, "LICENSE_KEY_NOT_GRANTED", /none of the keys/);
      const [record] = await records(session);
      assert.deepEqual(record?.requestedKeyIds.map(hexOf), [hexOf(hd.keyId)]);
      assert.equal(record?.asset, `assets/${asset}`);
    });

    it("comes for another session's token", async () => {
      const { asset, sd } = await makeKeys(platform);
      const token = await playToken(platform, { session: newId(), asset });
      const answer = await askLicense(platform, { session: newId(), token, keyIds: [sd.keyId] });
      await assertRefused(answer, 403, "LICENSE_SESSION_MISMATCH", /belongs to another session/);
    });

    it("names a term of the grant that is not understood", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset, grant: { critical: ["max-brightness"] } });
      const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      await assertRefused(answer, 400, "LICENSE_GRANT_NOT_UNDERSTOOD", /does not know: max-brightness/);
    });

    it("comes for an expired token", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset, lifeMs: 60_000 });
      clock.advance(61_000);
      const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      await assertRefused(answer, 401, "LICENSE_TOKEN_EXPIRED", /has expired/);
    });

    it("names the end of the rights, also where the token has expired with them", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const rightsEndAt = new Date(clock.now().getTime() + 60_000);
      const token = await playToken(platform, { session, asset, rightsEndAt, lifeMs: 60_000 });
      assert.equal((await askLicense(platform, { session, token, keyIds: [sd.keyId] })).status, 200);
      clock.advance(60_000);
      const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      await assertRefused(answer, 403, "LICENSE_RIGHTS_ENDED", /the right to show this title ended at 2026-/);
    });

    it("comes from another territory than the play began in", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset, territory: "DE" });
      const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
      await assertRefused(answer, 403, "LICENSE_TERRITORY", /granted for DE, but the request comes from US/);
    });

    it("comes without a token, for a viewer's token, a media token and a token of nobody's", async () => {
      const { asset, sd } = await makeKeys(platform);
      const session = newId();
      const good = await playToken(platform, { session, asset });
      const forged = `${good.slice(0, -6)}AAAAAA`;
      const media = await playToken(platform, { session, asset, use: "media" });
      for (const token of [undefined, "nonsense", forged, media, await platform.token(profile() as TokenCaller)]) {
        const answer = await askLicense(platform, { session, token, keyIds: [sd.keyId] });
        assert.deepEqual([answer.status, answer.reason, answer.keys.size], [401, "LICENSE_TOKEN_INVALID", 0]);
        assert.match(answer.message ?? "", /play token/);
      }
    });

    it("comes for a body that is no challenge, and for one that is too long", async () => {
      const { asset } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      const malformed = await askLicense(platform, { session, token, body: "<xml/>" });
      await assertRefused(malformed, 400, "LICENSE_REQUEST_MALFORMED", /it is not JSON/);
      const long = await askLicense(platform, { session, token, body: " ".repeat(70_000) });
      await assertRefused(long, 400, "LICENSE_REQUEST_TOO_LARGE", /65536 bytes/);
      const { headers } = await fetch(`${platform.url}/license/clearkey?session=${session}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: " ".repeat(70_000),
      });
      assert.equal(headers.get("connection"), "close", "the rest of the body is never read");
    });

    it("says why a key system is off", async () => {
      const { asset } = await makeKeys(platform);
      const session = newId();
      const token = await playToken(platform, { session, asset });
      const answer = await askLicense(platform, { session, token, system: "widevine" });
      assert.equal(answer.reason, "KEY_SYSTEM_OFF");
      assert.match(answer.message ?? "", /provider name/);
      assert.equal((await askLicense(platform, { session, token, system: "acme" })).status, 404);
    });
  });

  it("lists the key systems, and says that ClearKey protects nothing", async () => {
    const { keySystems } = await platform.client(LicenseService, { as: AUDITOR }).listKeySystems({});
    assert.deepEqual(
      keySystems.map(({ keySystem, isEnabled }) => [keySystem, isEnabled]),
      [
        [KeySystem.CLEARKEY, true],
        [KeySystem.WIDEVINE, false],
        [KeySystem.PLAYREADY, false],
        [KeySystem.FAIRPLAY, false],
      ],
    );
    assert.match(keySystems[0]?.note ?? "", /protects nothing.*development/);
    assert.equal(keySystems[0]?.trust, KeySystemStatus_Trust.NONE);
    assert.ok(keySystems.slice(1).every(({ note }) => note.startsWith("off: needs ")));
  });

  it("tells viewers and playback what a device needs of the systems that are on, and viewers no more", async () => {
    const to = async (as: Caller) => (await platform.client(LicenseService, { as }).listKeySystems({})).keySystems;
    const [on, ...others] = await to(profile());
    assert.deepEqual(
      [on?.keySystem, on?.uri, on?.emeNames, on?.note],
      [KeySystem.CLEARKEY, "/license/clearkey", ["org.w3.clearkey"], ""],
    );
    assert.deepEqual(others, []);
    assert.equal((await to(service("playback"))).length, 4);
  });

  it("pages through the audit log, newest first, without a repeat", async () => {
    const asset = newId();
    for (let count = 0; count < 5; count++) {
      clock.advance(count % 2 === 0 ? 0 : DAY_MS);
      const session = newId();
      await askLicense(platform, {
        session,
        token: await playToken(platform, { session, asset }),
        keyIds: [Buffer.alloc(16)],
      });
    }
    const client = platform.client(LicenseService, { as: AUDITOR });
    const names: string[] = [];
    const times: number[] = [];
    for (let pageToken = ""; ; ) {
      const page = await client.listLicenseRecords({ asset: `assets/${asset}`, pageSize: 2, pageToken });
      names.push(...page.licenseRecords.map(({ name }) => name));
      times.push(...page.licenseRecords.map(({ createTime }) => Number(createTime?.seconds)));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    assert.equal(new Set(names).size, 5);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
    );
    await assert.rejects(
      platform.client(LicenseService, { as: profile() }).listLicenseRecords({}),
      refused("ACCESS_DENIED"),
    );
  });

  it("issues nothing where ClearKey is turned off", async () => {
    await using quiet = await openModules([license], { settings: { LICENSE_CLEARKEY_ENABLED: "false" } });
    const { asset, sd } = await makeKeys(quiet);
    const session = newId();
    const token = await playToken(quiet, { session, asset });
    const answer = await askLicense(quiet, { session, token, keyIds: [sd.keyId] });
    assert.deepEqual([answer.reason, answer.keys.size], ["KEY_SYSTEM_OFF", 0]);
  });
});
