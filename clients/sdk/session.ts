/** Who is signed in: tokens that refresh themselves once for all callers, kept in a store of the client's choice. */

import { Code, type Transport } from "@connectrpc/connect";
import { nowMs } from "./clock.ts";
import { MatineeError, signedOut, toMatineeError } from "./errors.ts";
import { type Account, Account_Role, type Profile, type SessionTokens } from "./gen/matinee/profile/v1/account_pb.ts";
import { ProfileService } from "./gen/matinee/profile/v1/profile_service_pb.ts";
import { newPlatform, type TokenSource } from "./platform.ts";
import { toDate } from "./time.ts";

/** Refreshing starts this long before the end, so that no call leaves with a token that dies on the way. */
const REFRESH_EARLY_MS = 30_000;

/** What is kept between runs. */
export interface StoredSession {
  readonly accessToken: string;
  readonly accessExpiresMs: number;
  readonly refreshToken: string;
  readonly account: string;
  readonly email: string;
  readonly isOperator: boolean;
  readonly isCreator: boolean;
  readonly profile: string;
  readonly displayName: string;
}

/** Where a session is kept. Refresh tokens work once, so all who share a store must refresh one after the other. */
export interface SessionStore {
  load(): Promise<StoredSession | undefined>;
  save(session: StoredSession | undefined): Promise<void>;
  /** Runs the work while no other user of the store runs any. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

export interface SessionOptions {
  readonly origin: string;
  readonly store: SessionStore;
  /** In place of the network, for development and tests. */
  readonly transport?: Transport;
}

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
  readonly language: string;
  readonly requestId: string;
}

/** One per client; call `restore` before the first use. */
export class Session implements TokenSource {
  readonly #store: SessionStore;
  readonly #service;
  readonly #listeners = new Set<(session: StoredSession | undefined) => void>();
  #current: StoredSession | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.#store = options.store;
    this.#service = newPlatform(options).client(ProfileService);
  }

  get current(): StoredSession | undefined {
    return this.#current;
  }

  /** Is told at every sign-in and sign-out, not at refreshes. Answers how to stop it. */
  onChange(listener: (session: StoredSession | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes up what the store holds, also after another tab or process changed it. */
  async restore(): Promise<StoredSession | undefined> {
    this.#set(await this.#store.load());
    return this.#current;
  }

  /** Throws the service's refusal, such as an address that is taken. */
  async signUp(account: NewAccount): Promise<StoredSession> {
    const answer = await this.#service.signUp(account);
    return this.#begin(answer.account, answer.profile, answer.tokens);
  }

  /** Throws the service's refusal. */
  async signIn(email: string, password: string): Promise<StoredSession> {
    const answer = await this.#service.signIn({ email, password });
    return this.#begin(answer.account, answer.profile, answer.tokens);
  }

  /** Forgets the session here even where the service cannot be reached. */
  async signOut(scope: "here" | "everywhere" = "here"): Promise<void> {
    const token = await this.accessToken().catch(() => undefined);
    if (token !== undefined) {
      const headers = { authorization: `Bearer ${token}` };
      await this.#service.signOut({ isEverywhere: scope === "everywhere" }, { headers, timeoutMs: 5_000 }).catch(() => {
        // The token ends by itself; staying signed in here would be worse.
      });
    }
    await this.#store.save(undefined);
    this.#set(undefined);
  }

  async accessToken(): Promise<string | undefined> {
    const session = this.#current;
    if (session === undefined) return undefined;
    if (session.accessExpiresMs - REFRESH_EARLY_MS <= nowMs()) await this.refresh(session.accessToken);
    return this.#current?.accessToken;
  }

  refresh(used: string): Promise<void> {
    this.#refreshing ??= this.#store
      .exclusive(() => this.#refreshAlone(used))
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async #refreshAlone(used: string): Promise<void> {
    const stored = await this.#store.load();
    if (stored === undefined) {
      this.#set(undefined);
      throw signedOut();
    }
    // Another tab or process was faster: its token serves us as well.
    if (stored.accessToken !== used && stored.accessExpiresMs - REFRESH_EARLY_MS > nowMs()) {
      this.#set(stored);
      return;
    }
    try {
      const { tokens, profile } = await this.#service.refreshSession({ refreshToken: stored.refreshToken });
      const next: StoredSession = {
        ...stored,
        ...tokenFields(tokens),
        ...(profile === undefined ? {} : { profile: profile.name, displayName: profile.displayName }),
      };
      await this.#store.save(next);
      this.#set(next);
    } catch (cause) {
      const error = toMatineeError(cause);
      if (error.code !== Code.Unauthenticated && error.code !== Code.PermissionDenied) throw error;
      await this.#store.save(undefined);
      this.#set(undefined);
      throw signedOut(error);
    }
  }

  async #begin(
    account: Account | undefined,
    profile: Profile | undefined,
    tokens: SessionTokens | undefined,
  ): Promise<StoredSession> {
    const session: StoredSession = {
      ...tokenFields(tokens),
      account: account?.name ?? "",
      email: account?.email ?? "",
      isOperator: account?.roles.includes(Account_Role.OPERATOR) ?? false,
      isCreator: account?.roles.includes(Account_Role.CREATOR) ?? false,
      profile: profile?.name ?? "",
      displayName: profile?.displayName ?? "",
    };
    await this.#store.save(session);
    this.#set(session);
    return session;
  }

  #set(session: StoredSession | undefined): void {
    const same = this.#current?.account === session?.account && this.#current?.profile === session?.profile;
    this.#current = session;
    if (same) return;
    for (const listener of this.#listeners) listener(session);
  }
}

/** A store that forgets with the process, for tests and for a token from the environment. */
export function memorySessionStore(): SessionStore {
  let session: StoredSession | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    load: async () => session,
    save: async (next) => {
      session = next;
    },
    exclusive: (work) => {
      const run = last.then(work);
      last = run.catch(() => undefined);
      return run;
    },
  };
}

function tokenFields(
  tokens: SessionTokens | undefined,
): Pick<StoredSession, "accessToken" | "accessExpiresMs" | "refreshToken"> {
  if (tokens === undefined) {
    throw new MatineeError({
      code: Code.Internal,
      reason: "SESSION_WITHOUT_TOKENS",
      message: "The service signed you in without tokens.",
    });
  }
  return {
    accessToken: tokens.accessToken,
    accessExpiresMs: expiresMs(tokens),
    refreshToken: tokens.refreshToken,
  };
}

/** By our own clock: the token's life counted from now, so that a wrong clock here does no harm. */
function expiresMs(tokens: SessionTokens): number {
  try {
    const payload = (tokens.accessToken.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const claims: unknown = JSON.parse(atob(payload));
    if (typeof claims === "object" && claims !== null && "iat" in claims && "exp" in claims) {
      return nowMs() + (Number(claims.exp) - Number(claims.iat)) * 1000;
    }
  } catch {
    // Not a JWT after all: the service's own word is left.
  }
  return toDate(tokens.accessTokenExpireTime)?.getTime() ?? 0;
}
