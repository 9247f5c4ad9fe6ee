import assert from "node:assert/strict";
import { TrackClass } from "#gen/matinee/common/v1/media_pb";
import { KeyPolicy_Hdcp, KeyPolicy_Robustness, PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { messageClaim } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { parseGrant } from "./grant-convert.ts";

const ID = "0198c0de-0000-7000-8000-000000000001";
const names = { playSession: `playSessions/${ID}`, account: `accounts/${ID}`, asset: `assets/${ID}` };
const policy = { trackClass: TrackClass.SD, minHdcp: KeyPolicy_Hdcp.NONE, minRobustness: KeyPolicy_Robustness.NONE };

function policiesOf(change: object) {
  const grant = messageClaim(PlayGrantSchema, { ...names, keyPolicies: [{ ...policy, ...change }] });
  return parseGrant({ use: "play", grant }).policies;
}

describe("a grant", () => {
  for (const [what, hdcp, expected] of [
    ["not said is the strictest", 0, "v2_3"],
    ["said to be none is none", KeyPolicy_Hdcp.NONE, "none"],
    ["of a number below a level that is known is that level", 15, "v2"],
    ["of a number beyond all levels gets no licence", 24, undefined],
    ["of a negative number gets no licence", -1, undefined],
  ] as const) {
    it(`whose protection of the output is ${what}`, () => {
      assert.equal(policiesOf({ minHdcp: hdcp }).get("sd")?.minHdcp, expected);
    });
  }

  for (const [what, robustness, expected] of [
    ["not said is the strictest", 0, "hardware_all"],
    ["said to be none is none", KeyPolicy_Robustness.NONE, "none"],
    ["of a number below a level that is known is that level", 31, "hardware_decode"],
    ["of a number beyond all levels gets no licence", 51, undefined],
  ] as const) {
    it(`whose protection of the device is ${what}`, () => {
      assert.equal(policiesOf({ minRobustness: robustness }).get("sd")?.minRobustness, expected);
    });
  }

  it("licenses no class that is not known", () => {
    assert.equal(policiesOf({ trackClass: 31 }).size, 0);
    assert.equal(policiesOf({ trackClass: TrackClass.UNSPECIFIED }).size, 0);
  });

  for (const [what, claims] of [
    ["is no message", { use: "play", grant: "____" }],
    ["names nothing", { use: "play", grant: "" }],
    ["is proto-JSON, where unknown names were read as none", { use: "play", grant: names }],
    ["is another token's", { use: "media", grant: messageClaim(PlayGrantSchema, names) }],
  ] as const) {
    it(`that ${what} is refused`, () => {
      assert.throws(() => parseGrant(claims), refused("LICENSE_TOKEN_INVALID"));
    });
  }
});
