/** Verifies play tokens, expired ones too: why a licence is refused is told by the grant, not by the clock alone. */

import type { KeySets } from "#pkg/auth/keysets";
import { verifyToken } from "#pkg/auth/tokens";
import { PLAY_ISSUER } from "#pkg/auth/viewer";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Grant } from "./domain/entitlement.ts";
import { errors } from "./errors.ts";
import { parseGrant } from "./grant-convert.ts";

export interface PlayTokens {
  /** Throws `LICENSE_TOKEN_INVALID`. The caller compares `expiresAt` with the clock. */
  read(token: string | undefined): Promise<{ readonly grant: Grant; readonly expiresAt: Date }>;
}

const MAX_TOKEN_LENGTH = 8192;

export function newPlayTokens(options: { readonly keySets: KeySets; readonly clock: Clock }): PlayTokens {
  return {
    async read(token) {
      if (token === undefined || token.length > MAX_TOKEN_LENGTH) throw errors.LICENSE_TOKEN_INVALID();
      try {
        const verified = await verifyToken(token, { ...options, issuers: [PLAY_ISSUER], expired: "accept" });
        return { grant: parseGrant(verified.claims), expiresAt: verified.expiresAt };
      } catch (error) {
        throw isAppError(error) && error.kind === "unauthenticated" ? errors.LICENSE_TOKEN_INVALID(error) : error;
      }
    },
  };
}
