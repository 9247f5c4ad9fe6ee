import assert from "node:assert/strict";
import { AppError } from "./errors.ts";
import { isOutOfSpace, outOfSpace } from "./space.ts";

const withCode = (code: string) => Object.assign(new Error(code), { code });

describe("out of space", () => {
  it("is known by the system's codes, PostgreSQL's, and our own reason, also as the cause of another error", () => {
    for (const code of ["ENOSPC", "EDQUOT", "53100"]) assert.equal(isOutOfSpace(withCode(code)), true, code);
    assert.equal(isOutOfSpace(outOfSpace("the scratch folder")), true);
    const wrapped = new AppError({
      kind: "internal",
      reason: "SOMETHING_ELSE",
      message: "It failed.",
      cause: new Error("a tool failed", { cause: withCode("ENOSPC") }),
    });
    assert.equal(isOutOfSpace(wrapped), true);
  });

  it("is nothing else", () => {
    const circle = new Error("its own cause");
    circle.cause = circle;
    for (const error of [circle, withCode("EIO"), new Error("ENOSPC"), "ENOSPC", undefined, { code: "ENOSPC" }]) {
      assert.equal(isOutOfSpace(error), false);
    }
  });

  it("names what is full and says when to try again", () => {
    const error = outOfSpace("the originals store", withCode("ENOSPC"));
    assert.match(error.message, /no room left in the originals store/);
    assert.deepEqual([error.kind, error.metadata.what], ["resource_exhausted", "the originals store"]);
    assert.ok((error.retryAfterMs ?? 0) > 0);
  });
});
