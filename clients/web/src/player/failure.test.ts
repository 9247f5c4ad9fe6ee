import assert from "node:assert/strict";
import { Code } from "@connectrpc/connect";
import { MatineeError } from "@matinee/sdk/errors";
import { fromShaka, isInterruption, mayPass } from "./failure.ts";

/** As Shaka Player 5 throws them. */
const shaka = (code: number, ...data: readonly unknown[]) => ({ severity: 2, category: 1, code, data });
const refused = (status: number, body: string) => shaka(1001, "/m/x", status, body, {}, 0);

describe("what stopped the player", () => {
  it("is the service's refusal where it sent one, also inside another error", () => {
    const body = JSON.stringify({
      message: "the right ended",
      details: [{}, { debug: { reason: "LICENSE_RIGHTS_ENDED" } }],
    });
    for (const error of [refused(403, body), shaka(6007, refused(403, body))]) {
      const { reason, message, code } = fromShaka(error);
      assert.deepEqual([reason, message, code], ["LICENSE_RIGHTS_ENDED", "the right ended", Code.FailedPrecondition]);
    }
  });

  it("is said in our words where it sent none that can be read", () => {
    for (const body of ["", "<html>", "{", "{}", '{"message":"x"}']) {
      assert.equal(fromShaka(refused(403, body)).reason, "PLAYER_MEDIA_REFUSED", body);
    }
    const reasons = [1002, 1003, 3016, 6001, 6007, 6008, 4012, 4242].map((code) => fromShaka(shaka(code)).reason);
    assert.deepEqual(reasons, [
      "PLAYER_OFFLINE",
      "PLAYER_OFFLINE",
      "PLAYER_DECODE",
      "PLAYER_KEY_SYSTEM",
      "PLAYER_LICENSE",
      "PLAYER_LICENSE",
      "PLAYER_RESTRICTED",
      "PLAYER_FAILED",
    ]);
    assert.equal(fromShaka(new Error("x")).reason, "PLAYER_FAILED");
  });

  it("stays what it is where it is one of ours", () => {
    const error = new MatineeError({ code: Code.NotFound, reason: "TITLE_NOT_FOUND", message: "gone" });
    assert.equal(fromShaka(error), error);
  });

  it("may pass where nobody answered or the server has a bad moment, and not where it refused", () => {
    for (const error of [shaka(1002), shaka(1003), refused(500, ""), refused(503, ""), refused(429, "")])
      assert.ok(mayPass(error));
    for (const error of [refused(403, ""), refused(404, ""), shaka(3016), new Error("x"), undefined])
      assert.ok(!mayPass(error));
  });

  it("is nothing where the player was told to stop", () => {
    assert.deepEqual(
      [7000, 7001, 7002].map((code) => isInterruption(shaka(code))),
      [true, true, false],
    );
  });
});
