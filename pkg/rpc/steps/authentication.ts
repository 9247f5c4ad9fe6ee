/** Finds out who is calling: the bearer of a verified token, or a module as itself. */

import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { EndedSessions } from "#pkg/auth/ended-sessions";
import { errors as authErrors } from "#pkg/auth/errors";
import type { KeySets } from "#pkg/auth/keysets";
import { verifyToken } from "#pkg/auth/tokens";
import { PLAY_ISSUER, PLAY_TOKEN_USE, parseViewerClaims, VIEWER_ISSUER } from "#pkg/auth/viewer";
import type { Bucket } from "#pkg/cache/bucket";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Buckets } from "../buckets.ts";
import type { Principal } from "../call.ts";
import { errors } from "../errors.ts";
import { networkOf } from "../network.ts";
import type { ServerCall } from "../server-call.ts";
import type { Step } from "./step.ts";

/** Verified tokens that are remembered; a verification costs 0.1 ms. */
const MAX_REMEMBERED = 10_000;
const MAX_TOKEN_LENGTH = 8_192;
const SCHEME = /^bearer +([^ ]+)$/i;

interface Remembered {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/** Tokens that do not verify, of one network. What is verified stays known, so this cannot lock out who is signed in. */
const FAILED_TOKENS: Bucket = { perSecond: 10, burst: 100 };

export interface AuthenticationOptions {
  readonly keySets: KeySets;
  readonly endedSessions: Pick<EndedSessions, "has">;
  readonly clock: Clock;
  readonly buckets: Pick<Buckets, "take" | "wait">;
}

export function authenticationStep(options: AuthenticationOptions): Step {
  const verified = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED });

  /** A forged token costs 0.1 ms to find out about, so a network that sends many of them has to wait. */
  async function verifyFrom(call: ServerCall, token: string | undefined, key: string): Promise<Principal> {
    const bucket = `tokens/${networkOf(call.remoteAddress)}`;
    const isLimited = call.peer === undefined;
    const retryAfterMs = isLimited ? options.buckets.wait(bucket, FAILED_TOKENS) : 0;
    if (retryAfterMs > 0) throw errors.RATE_LIMITED(retryAfterMs);
    try {
      if (token === undefined || token.length > MAX_TOKEN_LENGTH) throw authErrors.TOKEN_INVALID();
      return await verify(token, key);
    } catch (error) {
      if (isLimited && isAppError(error, "TOKEN_INVALID")) options.buckets.take(bucket, FAILED_TOKENS);
      throw error;
    }
  }

  async function verify(token: string, key: string): Promise<Principal> {
    const result = await verifyToken(token, { ...options, issuers: [VIEWER_ISSUER, PLAY_ISSUER] });
    const principal = toPrincipal(token, result.issuer, result.subject, result.claims);
    verified.set(key, { principal, expiresAtMs: result.expiresAt.getTime() });
    return principal;
  }

  /** A token may be good and its session over: signed out, or ended for good reasons. Throws `SESSION_ENDED`. */
  function admit(principal: Principal): Principal {
    if (principal.kind === "user" && options.endedSessions.has(principal.sessionId)) throw authErrors.SESSION_ENDED();
    return principal;
  }

  return {
    name: "authentication",
    enter(call) {
      if (call.target.authenticates === true) return undefined;
      const header = call.headers.authorization;
      if (header === undefined) {
        if (call.peer !== undefined) call.principal = { kind: "service", module: call.peer };
        return undefined;
      }
      const token = SCHEME.exec(header)?.[1];
      const key = hash("sha256", token ?? "", "base64");
      const known = verified.get(key);
      if (known !== undefined) {
        if (options.clock.now().getTime() >= known.expiresAtMs) {
          verified.delete(key);
          throw authErrors.TOKEN_EXPIRED();
        }
        call.principal = admit(known.principal);
        return undefined;
      }
      return verifyFrom(call, token, key).then((principal) => {
        call.principal = admit(principal);
      });
    },
  };
}

function toPrincipal(
  token: string,
  issuer: string,
  subject: string,
  claims: Readonly<Record<string, unknown>>,
): Principal {
  if (issuer === PLAY_ISSUER) {
    // The issuer signs other tokens too, such as those in media paths; only this use calls methods.
    if (claims.use !== PLAY_TOKEN_USE) throw authErrors.TOKEN_INVALID();
    return { kind: "play_session", claims, token };
  }
  const viewer = parseViewerClaims(claims);
  if (viewer === undefined) throw authErrors.TOKEN_INVALID();
  return {
    kind: "user",
    accountId: subject,
    profileId: viewer.pid,
    sessionId: viewer.sid,
    roles: viewer.roles,
    permissions: viewer.permissions,
    token,
  };
}
