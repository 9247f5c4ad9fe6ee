/** Tokens, key sets and rotating signing keys. */

import assert from "node:assert/strict";
import { ManualClock } from "#pkg/clock/clock";
import { openMemoryKeys } from "#pkg/keys/file";
import { refused } from "#pkg/testkit/refused";
import { newKeySets } from "./keyset-client.ts";
import type { KeySet, KeySets } from "./keysets.ts";
import { openSigner, type SigningKeyStore, type StoredSigningKey } from "./signer.ts";
import { generateSigningKey, signToken, toPublicJwk, verifyToken } from "./tokens.ts";

const START = new Date("2026-01-01T00:00:00Z");
const HOUR_MS = 3_600_000;

function memoryStore(): SigningKeyStore & { readonly rows: StoredSigningKey[] } {
  const rows: StoredSigningKey[] = [];
  return {
    rows,
    list: async () => [...rows],
    async add(key, afterKid) {
      if (rows[0]?.kid !== afterKid) return false;
      rows.unshift(key);
      return true;
    },
    async deleteBefore(createdAt) {
      rows.splice(0, rows.length, ...rows.filter((row) => row.createdAt >= createdAt));
    },
  };
}

const keySetsOf = (set: KeySet, clock: ManualClock, asked: () => void = () => {}): KeySets =>
  newKeySets({
    clock,
    local: () => ({
      keys: async () => {
        asked();
        return set.keys();
      },
    }),
    remote: () => undefined,
  });

describe("tokens", () => {
  it("verify with their issuer's key until they expire", async () => {
    const clock = new ManualClock(START);
    const key = await generateSigningKey();
    const keySets = keySetsOf({ keys: async () => [toPublicJwk(key)] }, clock);
    const token = await signToken(key, {
      issuer: "profile",
      subject: "account",
      issuedAt: START,
      expiresAt: new Date(START.getTime() + HOUR_MS),
      claims: { sid: "s" },
    });
    const options = { keySets, clock, issuers: ["profile"] };
    const verified = await verifyToken(token, options);
    assert.equal(verified.subject, "account");
    assert.equal(verified.claims.sid, "s");
    await assert.rejects(verifyToken(token, { ...options, issuers: ["playback"] }), refused("TOKEN_INVALID"));
    clock.advance(HOUR_MS + 10_000);
    await assert.rejects(verifyToken(token, options), refused("TOKEN_EXPIRED"));
  });

  it("are refused without a signature, with another algorithm and as garbage", async () => {
    const clock = new ManualClock(START);
    const key = await generateSigningKey();
    const keySets = keySetsOf({ keys: async () => [toPublicJwk(key)] }, clock);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = part({ iss: "profile", sub: "account", exp: START.getTime() / 1000 + 60 });
    for (const token of [
      `${part({ alg: "none", kid: key.kid })}.${claims}.`,
      `${part({ alg: "HS256", kid: key.kid })}.${claims}.AAAA`,
      `${part({ alg: "ES256", kid: key.kid })}.${claims}.AAAA`,
      "a.b.c",
      "",
    ]) {
      await assert.rejects(verifyToken(token, { keySets, clock, issuers: ["profile"] }), refused("TOKEN_INVALID"));
    }
  });
});

describe("key sets", () => {
  it("are read again for an unknown key, but not more often than every ten seconds", async () => {
    const clock = new ManualClock(START);
    const [first, second] = [await generateSigningKey(), await generateSigningKey()];
    let published = [toPublicJwk(first)];
    let asked = 0;
    const keySets = keySetsOf({ keys: async () => published }, clock, () => {
      asked += 1;
    });
    assert.ok(await keySets.find("profile", first.kid));
    published = [toPublicJwk(second), toPublicJwk(first)];
    assert.equal(await keySets.find("profile", second.kid), undefined);
    assert.equal(asked, 1);
    clock.advance(10_000);
    assert.ok(await keySets.find("profile", second.kid));
    assert.ok(await keySets.find("profile", first.kid));
    assert.equal(asked, 2);
  });

  it("say so when an issuer cannot be asked", async () => {
    const keySets = newKeySets({ clock: new ManualClock(START), local: () => undefined, remote: () => undefined });
    await assert.rejects(keySets.find("profile", "kid"), refused("KEY_SET_UNAVAILABLE"));
  });
});

describe("a signer", () => {
  const settings = { issuer: "profile", rotateAfterMs: 24 * HOUR_MS, maxTokenLifeMs: HOUR_MS };

  it("keeps its key wrapped, rotates it, and publishes the old one while its tokens live", async () => {
    const clock = new ManualClock(START);
    const store = memoryStore();
    await using keys = await openMemoryKeys();
    const signer = await openSigner({ ...settings, store, keys, clock });
    const token = await signer.sign({ subject: "a", expiresAt: new Date(START.getTime() + HOUR_MS), claims: {} });
    assert.equal(store.rows.length, 1);
    assert.ok(
      !Buffer.from(store.rows[0]?.wrappedPrivateJwk ?? [])
        .toString("latin1")
        .includes('"d"'),
    );
    const keySets = keySetsOf(signer, clock);
    await verifyToken(token, { keySets, clock, issuers: ["profile"] });

    await signer.rotate();
    assert.equal(store.rows.length, 1);
    clock.advance(24 * HOUR_MS);
    const late = await signer.sign({ subject: "a", expiresAt: new Date(clock.now().getTime() + HOUR_MS), claims: {} });
    await signer.rotate();
    assert.equal(store.rows.length, 2);
    await verifyToken(late, { keySets: keySetsOf(signer, clock), clock, issuers: ["profile"] });
    for (let day = 0; day < 4; day++) {
      clock.advance(24 * HOUR_MS);
      await signer.rotate();
    }
    assert.ok(store.rows.length <= 4);
    assert.ok((await signer.keys()).every((key) => !("d" in key)));
  });

  it("of two replicas that start at once makes one key", async () => {
    const clock = new ManualClock(START);
    const store = memoryStore();
    await using keys = await openMemoryKeys();
    const [one, two] = await Promise.all([
      openSigner({ ...settings, store, keys, clock }),
      openSigner({ ...settings, store, keys, clock }),
    ]);
    assert.equal(store.rows.length, 1);
    assert.deepEqual(await one.keys(), await two.keys());
  });
});
