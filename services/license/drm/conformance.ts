/** What every license engine promises, as tests; an adapter's own test calls `describeLicenseEngine`. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { isAppError } from "#pkg/errors/errors";
import { SecretBytes } from "#pkg/keys/keys";
import { toKid } from "../domain/content-key.ts";
import type { Grant, KeyPolicy } from "../domain/entitlement.ts";
import { type LicenseEngine, MAX_KEY_IDS, type ParsedChallenge } from "./engine.ts";

/** A client of the key system, independent of the engine. */
export interface EngineClient {
  /** A challenge that asks for these keys. */
  challenge(keyIds: readonly Uint8Array[]): Promise<Uint8Array>;
  /** The keys in the licence, by key id in hex. Throws where the client would not accept it. */
  open(license: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>>;
}

const policy: KeyPolicy = {
  licenseDurationMs: 300_000,
  minHdcp: "none",
  minRobustness: "none",
  canRenew: true,
  canPersist: false,
};

/** What the engine read in a challenge that asks for keys. */
async function parseKeys(engine: LicenseEngine, challenge: Uint8Array): Promise<ParsedChallenge> {
  const parsed = await engine.parse(challenge);
  assert.ok(parsed.kind !== "reply");
  return parsed;
}

const grant: Grant = {
  playSessionId: "0198c0de-0000-7000-8000-000000000001",
  accountId: "0198c0de-0000-7000-8000-000000000002",
  assetId: "0198c0de-0000-7000-8000-000000000003",
  played: undefined,
  territory: "US",
  rightsEndAt: undefined,
  policies: new Map([["sd", policy]]),
  critical: [],
};

export function describeLicenseEngine(
  name: string,
  open: () => Promise<{ readonly engine: LicenseEngine; readonly client: EngineClient }>,
): void {
  describe(`license engine ${name}`, () => {
    it("reads the key ids that a client asks for, each once and in order", async () => {
      const { engine, client } = await open();
      const [first, second] = [randomBytes(16), randomBytes(16)];
      const parsed = await parseKeys(engine, await client.challenge([first, second, first]));
      assert.deepEqual(parsed.keyIds.map(toKid), [toKid(first), toKid(second)]);
      assert.equal(parsed.kind, "new");
    });

    it("writes a licence that a client opens, with every key that it was given and no other", async () => {
      const { engine, client } = await open();
      const asked = [randomBytes(16), randomBytes(16), randomBytes(16)];
      const parsed = await parseKeys(engine, await client.challenge(asked));
      const values = asked.slice(0, 2).map((keyId) => ({ keyId, value: randomBytes(16) }));
      const license = await engine.issue(
        parsed,
        grant,
        values.map(({ keyId, value }) => ({ keyId, key: new SecretBytes(new Uint8Array(value)), policy, ivs: [] })),
      );
      const opened = await client.open(license.body);
      assert.deepEqual(
        [...opened].map(([kid, key]) => [kid, toKid(key)]).sort(),
        values.map(({ keyId, value }) => [toKid(keyId), toKid(value)]).sort(),
      );
      assert.notEqual(license.contentType, "");
    });

    it("leaves the keys as they are, for the caller to zero", async () => {
      const { engine, client } = await open();
      const keyId = randomBytes(16);
      const key = new SecretBytes(new Uint8Array(16).fill(7));
      await engine.issue(await parseKeys(engine, await client.challenge([keyId])), grant, [
        { keyId, key, policy, ivs: [] },
      ]);
      assert.deepEqual(key.reveal(), new Uint8Array(16).fill(7));
    });

    it("refuses more keys than a title has", async () => {
      const { engine, client } = await open();
      const many = Array.from({ length: MAX_KEY_IDS + 1 }, () => randomBytes(16));
      await assert.rejects(
        async () => engine.parse(await client.challenge(many)),
        (error) => isAppError(error, "LICENSE_REQUEST_MALFORMED"),
      );
    });

    it("answers whatever bytes come with a refusal of its own, never with a crash", async () => {
      const { engine, client } = await open();
      const good = await client.challenge([randomBytes(16), randomBytes(16)]);
      const bad = [new Uint8Array(0), randomBytes(1), randomBytes(1000), good.subarray(0, good.byteLength - 1)];
      for (let round = 0; round < 200; round++) {
        const changed = new Uint8Array(good);
        changed[round % changed.byteLength] = (changed[round % changed.byteLength] ?? 0) ^ (1 + (round % 255));
        bad.push(changed);
      }
      for (const challenge of bad) {
        try {
          await engine.parse(challenge);
        } catch (error) {
          assert.ok(isAppError(error), `not a refusal: ${error}`);
          assert.match(error.reason, /^LICENSE_(REQUEST_MALFORMED|TYPE_UNSUPPORTED)$/);
        }
      }
    });
  });
}
