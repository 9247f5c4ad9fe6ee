import assert from "node:assert/strict";
import type { Cache } from "#pkg/cache/cache";
import { openCache } from "#pkg/cache/open";
import { ManualClock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { silentLogger } from "#pkg/obs/logger";
import { openModules, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { type Guessing, newGuessing } from "./guessing.ts";
import { profile } from "./module.ts";

const HOME = "192.0.2.1";
const ELSEWHERE = "198.51.100.7";
const OWNER = "owner@example.test";

describe("guessing", () => {
  const clock = new ManualClock(new Date());
  let cache: Cache;
  let guessing: Guessing;

  beforeEach(async () => {
    cache = await openCache("memory:", { clock, log: silentLogger });
    guessing = newGuessing({ cache, log: silentLogger });
  });
  afterEach(() => cache[Symbol.asyncDispose]());

  /** Tries with wrong passwords until one is refused, and says how many were let through. */
  async function guess(networks: (index: number) => string, most: number, email = (_index: number) => OWNER) {
    for (let count = 0; count < most; count++) {
      try {
        await guessing.admitSignIn(email(count), networks(count));
      } catch (error) {
        assert.ok(isAppError(error, "SIGN_IN_TOO_OFTEN") && (error.retryAfterMs ?? 0) > 0);
        return count;
      }
      await guessing.signInFailed(networks(count));
    }
    return most;
  }

  it("is slowed down from one network after five tries, and goes on slowly", async () => {
    assert.equal(await guess(() => ELSEWHERE, 100), 5);
    clock.advance(10_000);
    assert.equal(await guess(() => ELSEWHERE, 100), 1);
  });

  it("of one password from many networks is slowed down too", async () => {
    assert.equal(await guess((index) => `203.0.113.${index}`, 255), 50);
  });

  it("does not keep the owner out, who has signed in from home before", async () => {
    await guessing.admitSignIn(OWNER, HOME);
    await guessing.signInSucceeded(OWNER, HOME);
    assert.equal(await guess((index) => `203.0.113.${index}`, 255), 49);
    await guessing.admitSignIn(OWNER, HOME);
    await assert.rejects(guessing.admitSignIn(OWNER, ELSEWHERE), refused("SIGN_IN_TOO_OFTEN"));
  });

  it("at many accounts from one network is slowed down, and keeps out none that is known there", async () => {
    await guessing.signInSucceeded(OWNER, HOME);
    const victim = (index: number) => `victim-${index}@example.test`;
    assert.equal(await guess(() => HOME, 300, victim), 100);
    await guessing.admitSignIn(OWNER, HOME);
    await guessing.admitSignIn("another@example.test", ELSEWHERE);
    clock.advance(10 * 60_000);
    await guessing.admitSignIn("new-here@example.test", HOME);
  });

  it("does not spoil a network in which many sign in with the right password", async () => {
    for (let person = 0; person < 500; person++) {
      await guessing.admitSignIn(`person-${person}@example.test`, HOME);
      await guessing.signInSucceeded(`person-${person}@example.test`, HOME);
    }
  });

  it("which addresses have an account ends after some answers, and begins again an hour later", async () => {
    for (let count = 0; count < 20; count++) {
      await guessing.admitSignUp(ELSEWHERE);
      await guessing.addressWasTaken(ELSEWHERE);
    }
    await assert.rejects(guessing.admitSignUp(ELSEWHERE), refused("SIGN_UP_TOO_OFTEN"));
    await guessing.admitSignUp(HOME);
    clock.advance(3_600_000);
    await guessing.admitSignUp(ELSEWHERE);
  });

  it("is not counted while the cache is away, and nobody is kept out for that", async () => {
    const away = () => Promise.reject(new Error("the cache is away"));
    const broken = newGuessing({
      cache: { ...cache, get: away, getMany: away, set: away, increment: away, takeToken: away },
      log: silentLogger,
    });
    await broken.admitSignIn(OWNER, HOME);
    await broken.signInFailed(HOME);
    await broken.signInSucceeded(OWNER, HOME);
    await broken.admitSignUp(HOME);
    await broken.addressWasTaken(HOME);
  });
});

describe("guessing at the edge", () => {
  const PASSWORD = "a long enough password";
  let platform: TestPlatform;

  before(async () => {
    platform = await openModules([profile], { settings: { TRUSTED_PROXIES: "127.0.0.1/32" } });
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const call = async (method: "SignIn" | "SignUp", address: string, request: object) => {
    const response = await fetch(`${platform.url}/matinee.profile.v1.ProfileService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": address },
      body: JSON.stringify(request),
    });
    return /"reason":"([A-Z_]+)"/.exec(await response.text())?.[1] ?? "let in";
  };

  it("is counted by the /64 that a line of IPv6 has, whatever address of it is used", async () => {
    const email = `${newId()}@example.test`;
    const wrong = { email, password: "a wrong password" };
    const from = (index: number) => `2001:db8:1:2:${index.toString(16)}::1`;
    for (let index = 1; index <= 5; index++) assert.equal(await call("SignIn", from(index), wrong), "SIGN_IN_FAILED");
    assert.equal(await call("SignIn", from(6), wrong), "SIGN_IN_TOO_OFTEN");
    assert.equal(await call("SignIn", "2001:db8:1:3::1", wrong), "SIGN_IN_FAILED");
  });

  it("does not keep out others behind the same address", async () => {
    const address = "192.0.2.99";
    const person = { email: `${newId()}@example.test`, password: PASSWORD };
    assert.equal(await call("SignUp", address, { ...person, displayName: "Ada", requestId: newId() }), "let in");
    const victim = { email: `${newId()}@example.test`, password: "a wrong password" };
    for (let count = 0; count < 20; count++) await call("SignIn", address, victim);
    assert.equal(await call("SignIn", address, victim), "SIGN_IN_TOO_OFTEN");
    assert.equal(await call("SignIn", address, person), "let in");
  });

  it("tells a network of some addresses only that they are taken", async () => {
    const taken = { email: `${newId()}@example.test`, password: PASSWORD, displayName: "Ada" };
    await call("SignUp", "192.0.2.50", { ...taken, requestId: newId() });
    const answers: string[] = [];
    for (let count = 0; count < 22; count++) {
      answers.push(await call("SignUp", `2001:db8:9:9::${count + 1}`, { ...taken, requestId: newId() }));
    }
    assert.deepEqual(
      answers,
      Array.from({ length: 22 }, (_, index) => (index < 20 ? "EMAIL_TAKEN" : "SIGN_UP_TOO_OFTEN")),
    );
    const other = { ...taken, email: `${newId()}@example.test`, requestId: newId() };
    assert.equal(await call("SignUp", "2001:db8:9:9::ff", other), "SIGN_UP_TOO_OFTEN", "the free one is told no more");
    assert.equal(await call("SignUp", "192.0.2.51", other), "let in");
  });
});
