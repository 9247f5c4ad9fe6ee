import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ManualClock } from "#pkg/clock/clock";
import { refused } from "#pkg/testkit/refused";
import { DATA_KEY_MAX_AGE_MS, DATA_KEY_MAX_USES, type DataKey, newDataKeys } from "./data-keys.ts";

describe("data keys in the clear", () => {
  let clock: ManualClock;
  let generated: DataKey[];
  let decrypted: Uint8Array[];
  let release: (() => void) | undefined;

  const keeper = {
    async generate() {
      const key = { wrapped: randomBytes(8), secret: new Uint8Array(randomBytes(32)) };
      generated.push(key);
      if (release !== undefined) await new Promise<void>((resolve) => (release = resolve));
      return key;
    },
    async decrypt() {
      const secret = new Uint8Array(randomBytes(32));
      decrypted.push(secret);
      return secret;
    },
  };
  const isZero = (secret: Uint8Array | undefined) => secret?.every((byte) => byte === 0);
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    clock = new ManualClock(new Date("2026-01-01T00:00:00Z"));
    generated = [];
    decrypted = [];
    release = undefined;
  });

  it("are asked for once by all who need the same one", async () => {
    using keys = newDataKeys({ keeper, clock });
    const wrapped = randomBytes(8);
    const asking = Array.from({ length: 50 }, () => [
      keys.withNewest("a", ({ secret }) => secret),
      keys.withOpened(wrapped, "a", ({ secret }) => secret),
    ]);
    await Promise.all(asking.flat());
    assert.equal(generated.length, 1);
    assert.equal(decrypted.length, 1);
    await keys.withOpened(wrapped, "b", () => undefined);
    assert.equal(decrypted.length, 2);
  });

  it("are zeroed when they are too old, without anybody asking", async () => {
    using keys = newDataKeys({ keeper, clock });
    await keys.withNewest("a", () => undefined);
    await keys.withOpened(randomBytes(8), "a", () => undefined);
    clock.advance(DATA_KEY_MAX_AGE_MS - 1);
    await turn();
    assert.ok(!isZero(generated[0]?.secret));
    clock.advance(DATA_KEY_MAX_AGE_MS);
    await turn();
    assert.ok(isZero(generated[0]?.secret));
    assert.ok(isZero(decrypted[0]));
  });

  it("are zeroed when they were used often enough", async () => {
    using keys = newDataKeys({ keeper, clock });
    for (let use = 0; use < DATA_KEY_MAX_USES; use++) await keys.withNewest("a", () => undefined);
    assert.equal(generated.length, 1);
    assert.ok(!isZero(generated[0]?.secret));
    await keys.withNewest("a", () => undefined);
    assert.equal(generated.length, 2);
    assert.ok(isZero(generated[0]?.secret));
  });

  it("are zeroed when others push them out, and at the end", async () => {
    const keys = newDataKeys({ keeper, clock });
    for (let index = 0; index < 1_001; index++) await keys.withOpened(randomBytes(8), "a", () => undefined);
    assert.ok(isZero(decrypted[0]));
    assert.ok(!isZero(decrypted[1]));
    keys[Symbol.dispose]();
    assert.ok(decrypted.every(isZero));
    await assert.rejects(
      keys.withNewest("a", () => undefined),
      refused("KEY_KEEPER_UNAVAILABLE"),
    );
  });

  it("that come when it is over are zeroed, and lent to nobody", async () => {
    const keys = newDataKeys({ keeper, clock });
    release = () => undefined;
    const asking = keys.withNewest("a", () => undefined);
    keys[Symbol.dispose]();
    release();
    await assert.rejects(asking, refused("KEY_KEEPER_UNAVAILABLE"));
    assert.ok(isZero(generated[0]?.secret));
  });

  it("that were asked for before a rotation wrap nothing after it", async () => {
    using keys = newDataKeys({ keeper, clock });
    release = () => undefined;
    const before = keys.withNewest("a", ({ wrapped }) => wrapped);
    keys.renew();
    const letGo = release;
    release = undefined;
    letGo();
    assert.equal(await before, generated[1]?.wrapped);
    assert.equal(await keys.withNewest("a", ({ wrapped }) => wrapped), generated[1]?.wrapped);
  });
});
