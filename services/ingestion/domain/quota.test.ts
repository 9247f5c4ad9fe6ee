import assert from "node:assert/strict";
import { exceededLimit, formatBytes } from "./quota.ts";

describe("an account's quota", () => {
  const quota = { openUploads: 2, openBytes: 100, storedBytes: 1000 };

  it("is kept up to and including each limit", () => {
    assert.equal(exceededLimit(quota, quota), undefined);
  });

  it("names the limit that is passed", () => {
    assert.equal(exceededLimit({ ...quota, openUploads: 3 }, quota), "openUploads");
    assert.equal(exceededLimit({ ...quota, openBytes: 101 }, quota), "openBytes");
    assert.equal(exceededLimit({ ...quota, storedBytes: 1001 }, quota), "storedBytes");
  });

  it("is said in units that a person reads", () => {
    assert.deepEqual([0, 1023, 1024, 1.5 * 2 ** 40, 2 ** 60].map(formatBytes), [
      "0 bytes",
      "1023 bytes",
      "1 KiB",
      "1.5 TiB",
      "1024 PiB",
    ]);
  });
});
