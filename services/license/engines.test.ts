/** What issuing does for engines of other kinds than ClearKey, which need what only the owners of key systems can give. */

import assert from "node:assert/strict";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { openMemoryCache } from "#pkg/cache/memory";
import { newId, systemClock } from "#pkg/clock/clock";
import { SecretBytes } from "#pkg/keys/keys";
import { silentLogger } from "#pkg/obs/logger";
import { openModules, service, type TestPlatform } from "#pkg/testkit/module";
import type { Grant, KeyPolicy } from "./domain/entitlement.ts";
import type { LicenseEngine } from "./drm/engine.ts";
import { newKeySystems } from "./drm/systems.ts";
import { hexOf, makeKeys } from "./fixtures.ts";
import { Issuing, type LicenseRequest } from "./issue.ts";
import { license } from "./module.ts";
import { Plays } from "./plays.ts";
import { openKeyStore } from "./store/key-store.ts";
import { openPlayStore } from "./store/play-store.ts";
import { openRecordStore } from "./store/record-store.ts";

const CERTIFICATE = Buffer.from("a certificate");

/** A challenge is a key id, or nothing where the certificate is asked for; a licence says the vectors of the keys. */
const engine: LicenseEngine = {
  system: "fairplay",
  trust: "synthetic-test",
  emeNames: [],
  saysDuration: true,
  needsIvs: true,
  note: "",
  async parse(challenge) {
    if (challenge.byteLength === 0) return { kind: "reply", body: CERTIFICATE, contentType: "application/pkix-cert" };
    return { kind: "new", keyIds: [challenge], state: undefined };
  },
  async issue(_challenge, _grant, keys) {
    const body = JSON.stringify(
      keys.flatMap(({ ivs }) => ivs.map(({ track, constantIv }) => [track, hexOf(constantIv)])),
    );
    return { body: Buffer.from(body), contentType: "application/json" };
  },
};

describe("an engine", () => {
  let platform: TestPlatform;

  before(async () => {
    platform = await openModules([license]);
  });
  after(() => platform[Symbol.asyncDispose]());

  function issuing(grant: Grant) {
    const db = platform.database("license");
    const said: string[] = [];
    const use = new Issuing({
      db,
      keyStore: openKeyStore(db),
      records: openRecordStore(db),
      unwrapped: {
        row: () => undefined,
        open: async () => new SecretBytes(new Uint8Array(16)),
        forget: () => undefined,
        sweep: async () => undefined,
        [Symbol.dispose]: () => undefined,
      },
      systems: newKeySystems([engine]),
      tokens: { read: async () => ({ grant, expiresAt: new Date(Date.now() + 60_000) }) },
      plays: new Plays({
        cache: openMemoryCache({ clock: systemClock }),
        store: openPlayStore(db),
        clock: systemClock,
        log: silentLogger,
      }),
      events: {
        decided: async (_tx, { refusalReason }) => void said.push(refusalReason ?? "issued"),
        replied: () => void said.push("replied"),
        renewed: () => void said.push("renewed"),
        refusedAgain: () => undefined,
        unreadable: () => undefined,
      },
      clock: systemClock,
      log: silentLogger,
    });
    const ask = (challenge: Uint8Array) =>
      use.issue({ ...request, playSessionId: grant.playSessionId, readChallenge: async () => challenge });
    return { ask, said };
  }

  const request: Omit<LicenseRequest, "playSessionId" | "readChallenge"> = {
    ...{ system: "fairplay", token: "", territory: "US", remoteAddress: "127.0.0.1", traceId: "" },
  };
  const policy: KeyPolicy = {
    ...({ minHdcp: "none", minRobustness: "none" } as const),
    ...{ licenseDurationMs: 60_000, canRenew: true, canPersist: false },
  };

  it("gets the vectors of the package that is played, and answers also what is no licence", async () => {
    const { asset, sd, hd } = await makeKeys(platform);
    const packager = platform.client(LicenseService, { as: service("packager") });
    const packageId = newId();
    const iv = (keyId: Uint8Array, track: string, fill: number) => ({
      keyId,
      track,
      constantIv: new Uint8Array(16).fill(fill),
    });
    const of = { content: `assets/${asset}`, package: `packages/${packageId}` };
    await packager.recordContentKeyIvs({ ...of, revision: 0, ivs: [iv(sd.keyId, "video-240p", 9)] });
    const ivs = [iv(sd.keyId, "video-240p", 1), iv(sd.keyId, "video-360p", 2), iv(hd.keyId, "video-720p", 3)];
    await packager.recordContentKeyIvs({ ...of, revision: 1, ivs });
    const { ask, said } = issuing({
      ...{ playSessionId: newId(), accountId: newId(), assetId: asset, territory: "US", rightsEndAt: undefined },
      ...{ played: { packageId, revision: 1 }, policies: new Map([["sd", policy]]), critical: [] },
    });
    const issued = await ask(sd.keyId);
    assert.deepEqual(JSON.parse(Buffer.from(issued.body).toString()), [
      ["video-240p", "01".repeat(16)],
      ["video-360p", "02".repeat(16)],
    ]);
    assert.equal(issued.lastsMs, undefined, "such a licence says itself how long it lasts");
    const reply = await ask(new Uint8Array());
    assert.deepEqual([reply.body, reply.contentType], [CERTIFICATE, "application/pkix-cert"]);
    assert.deepEqual(said, ["issued", "replied"]);
  });

  it("replies nothing to a play on terms that are not known", async () => {
    const { ask } = issuing({
      ...{ playSessionId: newId(), accountId: newId(), assetId: newId(), territory: "US", rightsEndAt: undefined },
      ...{ played: undefined, policies: new Map([["sd", policy]]), critical: ["newer"] },
    });
    await assert.rejects(ask(new Uint8Array()), /newer/);
  });
});
