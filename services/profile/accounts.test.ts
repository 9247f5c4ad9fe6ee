import assert from "node:assert/strict";
import { openSigner } from "#pkg/auth/signer";
import { openSigningKeyStore } from "#pkg/auth/signing-key-store";
import { VIEWER_ISSUER } from "#pkg/auth/viewer";
import { openCache } from "#pkg/cache/open";
import { newId, systemClock } from "#pkg/clock/clock";
import { openKeys } from "#pkg/keys/open";
import { silentLogger } from "#pkg/obs/logger";
import { testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { Accounts } from "./accounts.ts";
import { newEndedSessionList } from "./ended-sessions.ts";
import { newGuessing } from "./guessing.ts";
import { openAccountStore } from "./store/account-store.ts";
import { openEndedSessionStore } from "./store/ended-session-store.ts";

describe("the operator's address", () => {
  it("that somebody signed up with before loses their session when it gets the role", async () => {
    await using resources = new AsyncDisposableStack();
    const { db } = resources.use(await testDb("profile", new URL("./migrations/", import.meta.url)));
    const clock = systemClock;
    const keys = resources.use(await openKeys("memory:", { clock, log: silentLogger }));
    const signer = await openSigner({
      ...{ issuer: VIEWER_ISSUER, store: openSigningKeyStore(db), keys, clock },
      ...{ rotateAfterMs: 86_400_000, maxTokenLifeMs: 900_000 },
    });
    const accounts = new Accounts({
      ...{ db, store: openAccountStore(db), signer, clock },
      ended: newEndedSessionList({ store: openEndedSessionStore(db), clock, accessTokenLifeMs: 900_000 }),
      guessing: newGuessing({
        cache: resources.use(await openCache("memory:", { clock, log: silentLogger })),
        log: silentLogger,
      }),
      events: {
        profileCreated: async () => {},
        accountDeleted: async () => {},
        listChanged: async () => {},
        sessionsEnded: async () => {},
      },
      options: { accessTokenLifeMs: 900_000, refreshTokenLifeMs: 86_400_000, refreshGraceMs: 0, defaultTier: "basic" },
    });
    const email = "studio@example.test";
    const guest = {
      email,
      password: "known to a stranger",
      displayName: "Mallory",
      language: "en",
      requestId: newId(),
    };
    const { tokens } = await accounts.signUp(guest, "192.0.2.1");

    await accounts.ensureOperator(email, "known to the operator");

    const isEnded = refused("SESSION_ENDED");
    await assert.rejects(accounts.refresh(tokens.refreshToken, undefined), isEnded);
    await assert.rejects(accounts.signIn(email, guest.password, "192.0.2.1"), refused("SIGN_IN_FAILED"));
    const operator = await accounts.signIn(email, "known to the operator", "192.0.2.1");
    assert.deepEqual(operator.account.roles, ["operator"]);

    await accounts.ensureOperator(email, "known to the operator");
    await accounts.refresh(operator.tokens.refreshToken, undefined);
  });
});
