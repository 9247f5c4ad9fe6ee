import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { base64Bytes, base64UrlBytes } from "./base64.ts";

describe("base64 of secrets", () => {
  it("is what Node writes, for every length of the last group", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = randomBytes(length);
      assert.equal(base64Bytes(bytes).toString(), bytes.toString("base64"));
      assert.equal(base64UrlBytes(bytes).toString(), bytes.toString("base64url"));
    }
  });
});
