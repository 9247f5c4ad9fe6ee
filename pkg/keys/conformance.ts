/** What every keys adapter promises, as tests: whoever writes an adapter makes these pass. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { isAppError } from "#pkg/errors/errors";
import type { Keys } from "./keys.ts";

export interface KeysUnderTest extends AsyncDisposable {
  readonly keys: Keys;
}

export function describeKeys(name: string, open: () => Promise<KeysUnderTest>): void {
  describe(`keys: ${name}`, () => {
    let opened: KeysUnderTest;
    let keys: Keys;

    before(async () => {
      opened = await open();
      keys = opened.keys;
    });
    after(() => opened?.[Symbol.asyncDispose]());

    const context = { purpose: "content-key", asset: "a1" };
    const failed = (error: unknown) => isAppError(error, "KEY_UNWRAP_FAILED");
    const bytesOf = async (wrapped: Uint8Array) => Buffer.from((await keys.unwrap(wrapped, context)).reveal());

    it("unwraps what it wrapped, from 1 to 4096 bytes", async () => {
      for (const size of [1, 16, 32, 4096]) {
        const secret = randomBytes(size);
        const wrapped = await keys.wrap(secret, context);
        assert.ok(wrapped.byteLength <= size + 512);
        assert.equal(Buffer.from(wrapped).includes(secret), size === 1 ? Buffer.from(wrapped).includes(secret) : false);
        assert.deepEqual(await bytesOf(wrapped), secret);
      }
    });

    it("refuses an empty or a large secret", async () => {
      const refused = (error: unknown) => isAppError(error, "KEY_PLAINTEXT_SIZE");
      await assert.rejects(keys.wrap(new Uint8Array(), context), refused);
      await assert.rejects(keys.wrap(new Uint8Array(4097), context), refused);
    });

    it("wraps the same secret differently each time", async () => {
      const secret = randomBytes(16);
      assert.notDeepEqual(await keys.wrap(secret, context), await keys.wrap(secret, context));
    });

    it("unwraps under the same context only, in whatever order it is written", async () => {
      const secret = randomBytes(16);
      const wrapped = await keys.wrap(secret, context);
      const reordered = await keys.unwrap(wrapped, { asset: "a1", purpose: "content-key" });
      assert.deepEqual(Buffer.from(reordered.reveal()), secret);
      await assert.rejects(keys.unwrap(wrapped, { ...context, asset: "a2" }), failed);
      await assert.rejects(keys.unwrap(wrapped, { ...context, more: "x" }), failed);
      await assert.rejects(keys.unwrap(wrapped, {}), failed);
    });

    it("refuses a ciphertext that was changed or cut", async () => {
      const wrapped = await keys.wrap(randomBytes(16), context);
      for (let at = 0; at < wrapped.byteLength; at++) {
        const changed = Uint8Array.from(wrapped);
        changed[at] = (changed[at] ?? 0) ^ 1;
        await assert.rejects(keys.unwrap(changed, context), failed, `byte ${at}`);
      }
      for (let length = 1; length < wrapped.byteLength; length += 7) {
        await assert.rejects(keys.unwrap(wrapped.subarray(0, length), context), failed, `${length} bytes`);
      }
      await assert.rejects(keys.unwrap(Buffer.concat([wrapped, wrapped]), context), failed);
      await assert.rejects(keys.unwrap(new Uint8Array(), context), failed);
    });

    it("refuses a context that could tell of a person, which keepers log in the clear", async () => {
      const refused = (error: unknown) => isAppError(error, "KEY_CONTEXT_INVALID") && !error.message.includes("ada");
      const bad = [
        { owner: "ada@example.com" },
        { owner: "ada lovelace" },
        { "a b": "x" },
        { id: "" },
        { id: "x".repeat(129) },
      ];
      for (const context of bad) await assert.rejects(keys.wrap(randomBytes(16), context), refused);
      const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`n${i}`, "x"]));
      await assert.rejects(keys.wrap(randomBytes(16), many), refused);
    });

    it("reads older wrapped secrets after the root key was rotated, and wraps under another one", async () => {
      const secret = randomBytes(16);
      const before = await keys.wrap(secret, context);
      await keys.rotate();
      const after = await keys.wrap(secret, context);
      assert.deepEqual(await bytesOf(before), secret);
      assert.deepEqual(await bytesOf(after), secret);
    });

    it("hands out secrets that do not print and are zeroed at the end of their block", async () => {
      const wrapped = await keys.wrap(Buffer.from("secret!"), context);
      let seen: Uint8Array;
      {
        using secret = await keys.unwrap(wrapped, context);
        seen = secret.reveal();
        assert.equal(Buffer.from(seen).toString(), "secret!");
        assert.equal(`${secret} ${JSON.stringify(secret)} ${inspect(secret)}`, '[redacted] "[redacted]" [redacted]');
      }
      assert.ok(seen.every((byte) => byte === 0));
    });

    it("hands out each secret by itself: zeroing one, or what it was opened from, changes no other", async () => {
      const wrapped = await keys.wrap(Buffer.from("secret!"), context);
      const asked = Uint8Array.from(wrapped);
      const first = keys.unwrap(asked, context);
      const second = keys.unwrap(asked, context);
      (await first)[Symbol.dispose]();
      assert.equal(Buffer.from((await second).reveal()).toString(), "secret!");
      asked.fill(0);
      assert.equal((await bytesOf(wrapped)).toString(), "secret!");
    });

    it("wraps and unwraps many at once, while the root key is rotated", async () => {
      const secrets = Array.from({ length: 200 }, (_, index) => ({
        secret: randomBytes(16),
        context: { purpose: index % 2 === 0 ? "content-key" : "signing-key", asset: `a${index}` },
      }));
      const rotating = keys.rotate();
      await Promise.all(
        secrets.map(async ({ secret, context }) => {
          const wrapped = await keys.wrap(secret, context);
          assert.deepEqual(Buffer.from((await keys.unwrap(wrapped, context)).reveal()), secret);
        }),
      );
      await rotating;
    });

    it("answers a ping", () => keys.ping());
  });
}
