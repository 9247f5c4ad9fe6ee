import assert from "node:assert/strict";
import { formatRanges, missingParts, partSizeOf, planParts } from "./upload.ts";

const MIB = 1024 * 1024;

describe("parts of an upload", () => {
  it("are of the preferred size for files of up to 10,000 of them", () => {
    assert.deepEqual(planParts(1, 8 * MIB), { partSizeBytes: 8 * MIB, partCount: 1 });
    assert.deepEqual(planParts(16 * MIB, 8 * MIB), { partSizeBytes: 8 * MIB, partCount: 2 });
    assert.deepEqual(planParts(16 * MIB + 1, 8 * MIB), { partSizeBytes: 8 * MIB, partCount: 3 });
    assert.deepEqual(planParts(80_000 * MIB, 8 * MIB), { partSizeBytes: 8 * MIB, partCount: 10_000 });
  });

  it("grow for larger files, so that there are never more than 10,000", () => {
    for (const sizeBytes of [80_000 * MIB + 1, 2 ** 40 - 1, 2 ** 40]) {
      const { partSizeBytes, partCount } = planParts(sizeBytes, 8 * MIB);
      assert.ok(partCount <= 10_000, `${partCount}`);
      assert.ok(partSizeBytes * partCount >= sizeBytes);
      assert.equal(partSizeBytes % MIB, 0);
    }
  });

  it("add up to the file", () => {
    const upload = { sizeBytes: 20 * MIB + 5, ...planParts(20 * MIB + 5, 8 * MIB) };
    const sizes = [1, 2, 3].map((number) => partSizeOf(upload, number));
    assert.deepEqual(sizes, [8 * MIB, 8 * MIB, 4 * MIB + 5]);
  });

  it("are missing where they are not stored in their full length", () => {
    const upload = { sizeBytes: 20 * MIB, ...planParts(20 * MIB, 8 * MIB) };
    const stored = [
      { number: 1, sizeBytes: 8 * MIB },
      { number: 3, sizeBytes: 8 * MIB },
    ];
    assert.deepEqual(missingParts(upload, stored), [2, 3]);
    assert.deepEqual(missingParts(upload, []), [1, 2, 3]);
  });

  it("are named as ranges", () => {
    assert.equal(formatRanges([1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
    assert.equal(formatRanges([1, 3, 5], 2), "1, 3, ...");
  });
});
