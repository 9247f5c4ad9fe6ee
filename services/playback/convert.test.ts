import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { isAppError } from "#pkg/errors/errors";
import { messageClaim } from "#pkg/testkit/module";
import { claimUntil, heldGrantOf } from "./convert.ts";

const ID = "0198c0de-0000-7000-8000-000000000001";
const names = {
  playSession: `playSessions/${ID}`,
  account: `accounts/${ID}`,
  profile: `profiles/${ID}`,
  title: `titles/${ID}`,
};

describe("the grant of a play token", () => {
  it("keeps fields that this release does not know when it is signed again", () => {
    const unknown = { no: 1000, wireType: 2, data: Buffer.from("\u0005newer") };
    const grant = create(PlayGrantSchema, { ...names, territory: "US" });
    const claim = Buffer.from(toBinary(PlayGrantSchema, { ...grant, $unknown: [unknown] })).toString("base64url");
    const end = new Date("2026-05-01T12:00:00Z");
    const signed = fromBinary(PlayGrantSchema, Buffer.from(claimUntil(claim, end), "base64url"));
    assert.deepEqual(signed.rightsEndTime && timestampDate(signed.rightsEndTime), end);
    assert.equal(signed.territory, "US");
    assert.deepEqual(
      signed.$unknown?.map(({ no, data }) => [no, Buffer.from(data)]),
      [[unknown.no, unknown.data]],
    );
  });

  it("is refused for a term that it must know, and where it is no message", () => {
    const critical = { grant: messageClaim(PlayGrantSchema, { ...names, critical: ["max-brightness"] }) };
    assert.throws(
      () => heldGrantOf(critical),
      (error) => isAppError(error, "PLAY_GRANT_NOT_UNDERSTOOD") && error.metadata.critical === "max-brightness",
    );
    for (const grant of [names, "____", undefined]) {
      assert.throws(
        () => heldGrantOf({ grant }),
        (error) => isAppError(error, "TOKEN_INVALID"),
      );
    }
  });
});
