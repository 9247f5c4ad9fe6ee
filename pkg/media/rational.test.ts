import assert from "node:assert/strict";
import {
  compare,
  divide,
  equals,
  formatRational,
  frameToSeconds,
  multiply,
  parseRational,
  rational,
  toNumber,
} from "./rational.ts";

describe("a rational", () => {
  it("is kept in lowest terms with the sign on top", () => {
    assert.deepEqual(rational(48000, 2002), { num: 24000, den: 1001 });
    assert.deepEqual(rational(3, -6), { num: -1, den: 2 });
    assert.deepEqual(rational(0, 5), { num: 0, den: 1 });
  });

  it("reads what ffprobe writes, and nothing else", () => {
    assert.deepEqual(parseRational("24000/1001"), { num: 24000, den: 1001 });
    assert.deepEqual(parseRational("16:9"), { num: 16, den: 9 });
    assert.deepEqual(parseRational("25"), { num: 25, den: 1 });
    for (const text of ["", "0/0", "N/A", "23.976", "1/0", "1/2/3"]) assert.equal(parseRational(text), undefined, text);
    assert.equal(formatRational(rational(24000, 1001)), "24000/1001");
    assert.equal(formatRational(rational(50, 2)), "25");
  });

  it("calculates exactly", () => {
    const film = rational(24000, 1001);
    assert.deepEqual(multiply(film, rational(1001, 1000)), rational(24));
    assert.deepEqual(divide(rational(1), film), rational(1001, 24000));
    assert.ok(compare(film, rational(24)) < 0);
    assert.ok(equals(rational(2, 4), rational(1, 2)));
    assert.equal(toNumber(rational(1, 4)), 0.25);
  });

  it("keeps the clock of a day-long film of 23.976 frames a second", () => {
    const frames = 24 * 3600 * 24;
    assert.ok(Math.abs(frameToSeconds(frames, rational(24000, 1001)) - 86486.4) < 1e-9);
  });

  it("refuses what it cannot hold exactly", () => {
    assert.throws(() => rational(1, 0), RangeError);
    assert.throws(() => rational(0.5), RangeError);
    assert.throws(() => rational(2 ** 53), RangeError);
  });
});
