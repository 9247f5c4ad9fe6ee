/** Sign-up, sign-in, refresh and sign-out. */

import { createHash, randomBytes } from "node:crypto";
import { errors as authErrors } from "#pkg/auth/errors";
import { hashPassword, verifyPassword } from "#pkg/auth/password";
import type { Signer } from "#pkg/auth/signer";
import type { ViewerClaims } from "#pkg/auth/viewer";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import { type Account, judgeRefresh, normalizeEmail, type Profile, permissionsOf } from "./domain/account.ts";
import type { EndedSessionList } from "./ended-sessions.ts";
import { errors } from "./errors.ts";
import type { EndReason, ProfileEvents } from "./events.ts";
import type { Guessing } from "./guessing.ts";
import type { AccountStore } from "./store/account-store.ts";

export interface Tokens {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
}

export interface SignedIn {
  readonly account: Account;
  readonly profile: Profile | undefined;
  readonly tokens: Tokens;
}

export interface AccountsOptions {
  readonly accessTokenLifeMs: number;
  readonly refreshTokenLifeMs: number;
  readonly refreshGraceMs: number;
  readonly defaultTier: string;
}

/** A hash that no password has, so that an unknown address takes as long as a known one. */
const NO_ACCOUNT_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

export class Accounts {
  readonly #db: Db;
  readonly #store: AccountStore;
  readonly #signer: Signer;
  readonly #events: ProfileEvents;
  readonly #ended: EndedSessionList;
  readonly #guessing: Guessing;
  readonly #clock: Clock;
  readonly #options: AccountsOptions;

  constructor(deps: {
    readonly db: Db;
    readonly store: AccountStore;
    readonly signer: Signer;
    readonly events: ProfileEvents;
    readonly ended: EndedSessionList;
    readonly guessing: Guessing;
    readonly clock: Clock;
    readonly options: AccountsOptions;
  }) {
    this.#db = deps.db;
    this.#store = deps.store;
    this.#signer = deps.signer;
    this.#events = deps.events;
    this.#ended = deps.ended;
    this.#guessing = deps.guessing;
    this.#clock = deps.clock;
    this.#options = deps.options;
  }

  /**
   * Throws `EMAIL_TAKEN`, unless the account was made by the same request, which signs in again; `SIGN_UP_TOO_OFTEN`
   * where the network has heard that of many addresses. Whoever signs up is signed in, which tells a free address from a
   * taken one whatever the refusal says; so how many are told is what is bounded.
   */
  async signUp(
    request: {
      readonly email: string;
      readonly password: string;
      readonly displayName: string;
      readonly language: string;
      readonly requestId: string;
    },
    network: string,
  ): Promise<SignedIn> {
    await this.#guessing.admitSignUp(network);
    const email = normalizeEmail(request.email);
    const passwordHash = await hashPassword(request.password);
    const accountId = newId();
    const now = this.#clock.now();
    const profile: Profile = {
      id: newId(),
      accountId,
      displayName: request.displayName.trim() || "Me",
      language: request.language || "en",
      maximumAge: 21,
      createdAt: now,
    };
    const isNew = await this.#db.tx(async (tx) => {
      const made = await this.#store.insertAccount(tx, {
        id: accountId,
        requestId: request.requestId,
        email,
        passwordHash,
        roles: [],
        tier: this.#options.defaultTier,
        now,
      });
      if (!made) return false;
      await this.#store.insertProfile(tx, profile);
      await this.#events.profileCreated(tx, profile);
      return true;
    });
    if (!isNew) return this.#repeatedSignUp(email, request.password, request.requestId, network);
    await this.#guessing.signInSucceeded(email, network);
    const account: Account = { id: accountId, email, roles: [], tier: this.#options.defaultTier, createdAt: now };
    return { account, profile, tokens: await this.#beginSession(account, profile.id) };
  }

  async #repeatedSignUp(email: string, password: string, requestId: string, network: string): Promise<SignedIn> {
    const found = await this.#store.findByEmail(email);
    if (found?.requestId !== requestId || !(await verifyPassword(password, found.passwordHash))) {
      await this.#guessing.addressWasTaken(network);
      throw errors.EMAIL_TAKEN();
    }
    return this.#signedIn(found.account);
  }

  /** Throws `SIGN_IN_FAILED`, `SIGN_IN_TOO_OFTEN`. */
  async signIn(email: string, password: string, network: string): Promise<SignedIn> {
    const address = normalizeEmail(email);
    await this.#guessing.admitSignIn(address, network);
    const found = await this.#store.findByEmail(address);
    const matches = await verifyPassword(password, found?.passwordHash ?? NO_ACCOUNT_HASH);
    if (found === undefined || !matches) {
      await this.#guessing.signInFailed(network);
      throw errors.SIGN_IN_FAILED();
    }
    await this.#guessing.signInSucceeded(address, network);
    return this.#signedIn(found.account);
  }

  async #signedIn(account: Account): Promise<SignedIn> {
    const profiles = await this.#store.listProfiles(account.id, 2);
    const profile = profiles.length === 1 ? profiles[0] : undefined;
    return { account, profile, tokens: await this.#beginSession(account, profile?.id) };
  }

  /** Throws `SESSION_ENDED`, `REFRESH_TOKEN_REUSED`, `PROFILE_NOT_FOUND`. */
  async refresh(
    refreshToken: string,
    profileId: string | undefined,
  ): Promise<{ tokens: Tokens; profile: Profile | undefined }> {
    const sessionId = sessionIdOf(refreshToken);
    if (sessionId === undefined) throw authErrors.SESSION_ENDED();
    const now = this.#clock.now();
    const presentedHash = digest(refreshToken);
    const next = newRefreshToken(sessionId);
    const expiresAt = new Date(now.getTime() + this.#options.refreshTokenLifeMs);
    const outcome = await this.#db.tx(async (tx) => {
      const found = await this.#store.lockSession(tx, sessionId, presentedHash);
      if (found === undefined) return { verdict: "ended" } as const;
      const verdict = judgeRefresh(found.session, found.presented, now, this.#options.refreshGraceMs);
      if (verdict === "reused") {
        await this.#end(tx, found.session.accountId, now, "refresh token reused", { sessionId });
      }
      if (verdict !== "rotate") return { verdict } as const;
      const profile = await this.#chosenProfile(found.session.accountId, profileId ?? found.session.profileId);
      await this.#store.rotateSession(tx, sessionId, {
        refreshHash: digest(next),
        presentedHash,
        profileId: profile?.id,
        now,
        expiresAt,
      });
      return { verdict, accountId: found.session.accountId, profile } as const;
    });
    if (outcome.verdict !== "rotate")
      throw outcome.verdict === "reused" ? errors.REFRESH_TOKEN_REUSED() : authErrors.SESSION_ENDED();
    const account = await this.#store.findAccount(outcome.accountId);
    if (account === undefined) throw authErrors.SESSION_ENDED();
    const access = await this.#signAccess(account, sessionId, outcome.profile?.id);
    return { tokens: { ...access, refreshToken: next, refreshTokenExpiresAt: expiresAt }, profile: outcome.profile };
  }

  async #chosenProfile(accountId: string, profileId: string | undefined): Promise<Profile | undefined> {
    if (profileId === undefined) return undefined;
    const profile = await this.#store.findProfile(profileId);
    if (profile?.accountId !== accountId) throw errors.PROFILE_NOT_FOUND();
    return profile;
  }

  async signOut(accountId: string, sessionId: string, scope: "session" | "everywhere"): Promise<void> {
    const now = this.#clock.now();
    const only = scope === "session" ? { sessionId } : undefined;
    await this.#db.tx((tx) => this.#end(tx, accountId, now, "signed out", only));
  }

  async #end(
    tx: Tx,
    accountId: string,
    now: Date,
    reason: EndReason,
    only?: { readonly sessionId: string },
  ): Promise<void> {
    const ended = await this.#store.endSessions(tx, accountId, now, only);
    await this.#ended.add(tx, ended, now);
    await this.#events.sessionsEnded(tx, accountId, ended, now, reason);
  }

  /** Throws `ACCOUNT_NOT_FOUND`. */
  async getAccount(accountId: string): Promise<Account> {
    const account = await this.#store.findAccount(accountId);
    if (account === undefined) throw errors.ACCOUNT_NOT_FOUND();
    return account;
  }

  /** Erases the account and all that hangs on it. Throws `SIGN_IN_FAILED` for a wrong password, `SIGN_IN_TOO_OFTEN`. */
  async deleteAccount(accountId: string, password: string, network: string): Promise<void> {
    const found = await this.#store.findCredentials(accountId);
    if (found === undefined) throw errors.ACCOUNT_NOT_FOUND();
    // A stolen access token must not be a way to guess the password either.
    await this.#guessing.admitSignIn(found.account.email, network);
    if (!(await verifyPassword(password, found.passwordHash))) {
      await this.#guessing.signInFailed(network);
      throw errors.SIGN_IN_FAILED();
    }
    await this.#db.tx(async (tx) => {
      await this.#end(tx, accountId, this.#clock.now(), "account erased");
      const profileIds = await this.#store.deleteAccount(tx, accountId);
      await this.#events.accountDeleted(tx, accountId, profileIds);
    });
  }

  /** Makes the operator's account, or gives the one with that address this password and the role. */
  async ensureOperator(email: string, password: string): Promise<void> {
    const address = normalizeEmail(email);
    const found = await this.#store.findByEmail(address);
    if (found === undefined) {
      const studio = { email: address, password, displayName: "Studio", language: "en", requestId: newId() };
      await this.signUp(studio, "");
    }
    const known = found ?? (await this.#store.findByEmail(address));
    if (known === undefined) throw errors.ACCOUNT_NOT_FOUND();
    if (known.account.roles.includes("operator") && (await verifyPassword(password, known.passwordHash))) return;
    const { id } = known.account;
    const roles = [...new Set([...known.account.roles, "operator"])];
    const passwordHash = await hashPassword(password);
    await this.#db.tx(async (tx) => {
      await this.#store.setPasswordAndRoles(tx, id, passwordHash, roles);
      // Whoever signed in before, perhaps after taking the address first, knew another password.
      await this.#end(tx, id, this.#clock.now(), "password replaced");
    });
  }

  /** Removes sessions that have been over for a day, so that a late refresh still hears why. */
  async sweep(): Promise<void> {
    await this.#ended.sweep();
    await this.#store.sweepSessions(new Date(this.#clock.now().getTime() - 24 * 3_600_000));
  }

  async #beginSession(account: Account, profileId: string | undefined): Promise<Tokens> {
    const id = newId();
    const refreshToken = newRefreshToken(id);
    const now = this.#clock.now();
    const expiresAt = new Date(now.getTime() + this.#options.refreshTokenLifeMs);
    await this.#store.insertSession(this.#db, {
      id,
      accountId: account.id,
      profileId,
      refreshHash: digest(refreshToken),
      now,
      expiresAt,
    });
    return { ...(await this.#signAccess(account, id, profileId)), refreshToken, refreshTokenExpiresAt: expiresAt };
  }

  async #signAccess(account: Account, sessionId: string, profileId: string | undefined) {
    const expiresAt = new Date(this.#clock.now().getTime() + this.#options.accessTokenLifeMs);
    const claims: ViewerClaims = {
      sid: sessionId,
      ...(profileId === undefined ? {} : { pid: profileId }),
      roles: account.roles,
      permissions: permissionsOf(account.roles),
    };
    const accessToken = await this.#signer.sign({ subject: account.id, expiresAt, claims: { ...claims } });
    return { accessToken, accessTokenExpiresAt: expiresAt };
  }
}

/** `{session}.{secret}`; only its digest is stored. */
function newRefreshToken(sessionId: string): string {
  return `${sessionId}.${randomBytes(32).toString("base64url")}`;
}

function sessionIdOf(refreshToken: string): string | undefined {
  return /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[A-Za-z0-9_-]{43}$/.exec(refreshToken)?.[1];
}

/** The secret has 256 random bits, so a plain digest is enough. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
