/** Signed claims as compact JWTs (RFC 7519), ES256 only. */

import {
  type CryptoKey,
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  errors as joseErrors,
  jwtVerify,
  SignJWT,
} from "jose";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";
import type { KeySets } from "./keysets.ts";

const ALGORITHM = "ES256";

/** Before every expiry. */
const EPOCH = new Date(0);

/** Clocks of two machines may differ by this much. */
const CLOCK_TOLERANCE_S = 5;

/** A private P-256 key (RFC 7517) with its `kid`. Never log it, never store it unwrapped. */
export interface SigningKey {
  readonly kid: string;
  readonly privateJwk: JWK;
}

/** A fresh key; `kid` is its RFC 7638 thumbprint. */
export async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const privateJwk = await exportJWK(privateKey);
  return { kid: await calculateJwkThumbprint(privateJwk), privateJwk };
}

/** What may be published of a key. */
export function toPublicJwk(key: SigningKey): JWK {
  const { d: _d, ...publicPart } = key.privateJwk;
  return { ...publicPart, kid: key.kid, alg: ALGORITHM, use: "sig" };
}

export interface TokenClaims {
  /** The module that signs, as verifiers look up its keys. */
  readonly issuer: string;
  readonly subject: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** Everything else; JSON values. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const privateKeys = new WeakMap<SigningKey, Promise<CryptoKey>>();

/** Signs claims as a JWT. */
export async function signToken(key: SigningKey, token: TokenClaims): Promise<string> {
  let privateKey = privateKeys.get(key);
  if (privateKey === undefined) {
    privateKey = importJWK(key.privateJwk, ALGORITHM) as Promise<CryptoKey>;
    privateKeys.set(key, privateKey);
  }
  return new SignJWT({ ...token.claims })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: "JWT" })
    .setIssuer(token.issuer)
    .setSubject(token.subject)
    .setIssuedAt(toSeconds(token.issuedAt))
    .setExpirationTime(toSeconds(token.expiresAt))
    .sign(await privateKey);
}

export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  readonly expiresAt: Date;
  /** Every claim, the registered ones too. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const publicKeys = new WeakMap<JWK, Promise<CryptoKey>>();

/**
 * Verifies signature, issuer and time of a token.
 * Throws `TOKEN_INVALID`, `TOKEN_EXPIRED`, or `KEY_SET_UNAVAILABLE` where the issuer's keys cannot be read.
 */
export async function verifyToken(
  token: string,
  options: {
    readonly keySets: KeySets;
    readonly clock: Clock;
    readonly issuers: readonly string[];
    /** "accept" verifies everything but the time; the caller then looks at `expiresAt` itself. Default: refused. */
    readonly expired?: "accept";
  },
): Promise<VerifiedToken> {
  try {
    const { kid, alg } = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    if (kid === undefined || alg !== ALGORITHM || iss === undefined || !options.issuers.includes(iss)) {
      throw errors.TOKEN_INVALID();
    }
    const jwk = await options.keySets.find(iss, kid);
    if (jwk === undefined) throw errors.TOKEN_INVALID();
    let key = publicKeys.get(jwk);
    if (key === undefined) {
      key = importJWK(jwk, ALGORITHM) as Promise<CryptoKey>;
      publicKeys.set(jwk, key);
    }
    const { payload } = await jwtVerify(token, await key, {
      algorithms: [ALGORITHM],
      issuer: iss,
      currentDate: options.expired === "accept" ? EPOCH : options.clock.now(),
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ["exp", "sub"],
    });
    return {
      issuer: iss,
      subject: payload.sub ?? "",
      expiresAt: new Date((payload.exp ?? 0) * 1000),
      claims: payload,
    };
  } catch (error) {
    if (isAppError(error)) throw error;
    if (error instanceof joseErrors.JWTExpired) throw errors.TOKEN_EXPIRED();
    throw errors.TOKEN_INVALID(error);
  }
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
