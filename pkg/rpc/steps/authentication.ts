/** Finds out who is calling: the bearer of a verified token, or a module as itself. */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { EndedSessions } from "#pkg/auth/ended-sessions";
import { sessionEnded, tokenExpired, tokenInvalid } from "#pkg/auth/errors";
import type { KeySets } from "#pkg/auth/keysets";
import { verifyToken } from "#pkg/auth/tokens";
import { PLAY_ISSUER, PLAY_TOKEN_USE, parseViewerClaims, VIEWER_ISSUER } from "#pkg/auth/viewer";
import type { Clock } from "#pkg/clock/clock";
import type { Principal } from "../call.ts";
import type { Step } from "./step.ts";

/** Verified tokens that are remembered; a verification costs 0.1 ms. */
const MAX_REMEMBERED = 10_000;
const MAX_TOKEN_LENGTH = 8_192;
const SCHEME = /^bearer +([^ ]+)$/i;

interface Remembered {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

export function authenticationStep(options: {
  readonly keySets: KeySets;
  readonly endedSessions: Pick<EndedSessions, "has">;
  readonly clock: Clock;
}): Step {
  const verified = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED });

  async function verify(token: string, key: string): Promise<Principal> {
    const result = await verifyToken(token, { ...options, issuers: [VIEWER_ISSUER, PLAY_ISSUER] });
    const principal = toPrincipal(token, result.issuer, result.subject, result.claims);
    verified.set(key, { principal, expiresAtMs: result.expiresAt.getTime() });
    return principal;
  }

  /** A token may be good and its session over: signed out, or ended for good reasons. Throws `SESSION_ENDED`. */
  function admit(principal: Principal): Principal {
    if (principal.kind === "user" && options.endedSessions.has(principal.sessionId)) throw sessionEnded();
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
      if (token === undefined || token.length > MAX_TOKEN_LENGTH) throw tokenInvalid();
      const key = createHash("sha256").update(token).digest("base64");
      const known = verified.get(key);
      if (known !== undefined) {
        if (options.clock.now().getTime() >= known.expiresAtMs) {
          verified.delete(key);
          throw tokenExpired();
        }
        call.principal = admit(known.principal);
        return undefined;
      }
      return verify(token, key).then((principal) => {
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
    if (claims.use !== PLAY_TOKEN_USE) throw tokenInvalid();
    return { kind: "play_session", claims, token };
  }
  const viewer = parseViewerClaims(claims);
  if (viewer === undefined) throw tokenInvalid();
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
