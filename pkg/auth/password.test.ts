import assert from "node:assert/strict";
import { hashPassword, verifyPassword } from "./password.ts";

describe("a password hash", () => {
  it("verifies the password it was made from and no other", async () => {
    const hash = await hashPassword("correct horse battery");
    assert.equal(await verifyPassword("correct horse battery", hash), true);
    assert.equal(await verifyPassword("correct horse batterz", hash), false);
  });

  it("differs for the same password, because the salt does", async () => {
    assert.notEqual(await hashPassword("correct horse battery"), await hashPassword("correct horse battery"));
  });

  it("verifies nothing where it is not a hash", async () => {
    assert.equal(await verifyPassword("anything", ""), false);
    assert.equal(await verifyPassword("anything", "$argon2id$v=19$m=1$x$y"), false);
  });
});
