/** Signed claims of a session: the play token for calls and licences, and the token in media paths. */

import { LRUCache } from "lru-cache";
import type { KeySets } from "#pkg/auth/keysets";
import type { Signer } from "#pkg/auth/signer";
import { verifyToken } from "#pkg/auth/tokens";
import { PLAY_ISSUER, PLAY_TOKEN_USE } from "#pkg/auth/viewer";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";

const MEDIA_TOKEN_USE = "media";
/** Sessions whose media token is remembered; a verification costs 0.1 ms, and a player asks many times. */
const MAX_REMEMBERED = 20_000;
const MAX_TOKEN_LENGTH = 2_048;

/** What a media token lets its holder fetch, while its play lives. */
export interface MediaGrant {
  readonly sessionId: string;
  readonly accountId: string;
  readonly packageId: string;
  readonly revision: number;
  /** Names of the tracks and manifests above the ceiling. */
  readonly denied: readonly string[];
  readonly expiresAt: Date;
}

export class PlayTokens {
  readonly #signer: Signer;
  readonly #keySets: KeySets;
  readonly #clock: Clock;
  readonly #playTokenLifeMs: number;
  readonly #mediaTokenLifeMs: number;
  readonly #verified = new LRUCache<string, MediaGrant>({ max: MAX_REMEMBERED });

  constructor(deps: {
    readonly signer: Signer;
    readonly keySets: KeySets;
    readonly clock: Clock;
    readonly playTokenLifeMs: number;
    readonly mediaTokenLifeMs: number;
  }) {
    this.#signer = deps.signer;
    this.#keySets = deps.keySets;
    this.#clock = deps.clock;
    this.#playTokenLifeMs = deps.playTokenLifeMs;
    this.#mediaTokenLifeMs = deps.mediaTokenLifeMs;
  }

  /** Never lasts longer than the right to show the title. */
  async signPlay(sessionId: string, grant: string, rightsEndAt: Date | undefined) {
    const expiresAt = this.#expiry(this.#playTokenLifeMs, rightsEndAt);
    const claims = { use: PLAY_TOKEN_USE, grant };
    return { token: await this.#signer.sign({ subject: sessionId, expiresAt, claims }), expiresAt };
  }

  async signMedia(media: Omit<MediaGrant, "expiresAt">, rightsEndAt: Date | undefined): Promise<string> {
    const { sessionId, accountId, packageId, revision, denied } = media;
    const of = { acc: accountId, pkg: packageId, rev: revision };
    const claims = { use: MEDIA_TOKEN_USE, ...of, no: denied.join(" ") };
    const expiresAt = this.#expiry(this.#mediaTokenLifeMs, rightsEndAt);
    return this.#signer.sign({ subject: sessionId, expiresAt, claims });
  }

  #expiry(lifeMs: number, rightsEndAt: Date | undefined): Date {
    const latest = this.#clock.now().getTime() + lifeMs;
    return new Date(rightsEndAt === undefined ? latest : Math.min(latest, rightsEndAt.getTime()));
  }

  /** Throws `MEDIA_TOKEN_INVALID`, `MEDIA_TOKEN_EXPIRED`. */
  async verifyMedia(token: string): Promise<MediaGrant> {
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (known.expiresAt <= this.#clock.now()) throw errors.MEDIA_TOKEN_EXPIRED();
      return known;
    }
    if (token.length > MAX_TOKEN_LENGTH) throw errors.MEDIA_TOKEN_INVALID();
    const grant = await this.#verify(token);
    this.#verified.set(token, grant);
    return grant;
  }

  async #verify(token: string): Promise<MediaGrant> {
    try {
      const options = { keySets: this.#keySets, clock: this.#clock, issuers: [PLAY_ISSUER] };
      const { claims, subject, expiresAt } = await verifyToken(token, options);
      const { use, acc, pkg, rev, no } = claims;
      const isMedia = use === MEDIA_TOKEN_USE && typeof pkg === "string" && typeof rev === "number";
      if (!isMedia || typeof acc !== "string" || typeof no !== "string") throw errors.MEDIA_TOKEN_INVALID();
      const about = { sessionId: subject, accountId: acc, packageId: pkg, revision: rev };
      return { ...about, denied: no.split(" "), expiresAt };
    } catch (error) {
      if (isAppError(error, "TOKEN_EXPIRED")) throw errors.MEDIA_TOKEN_EXPIRED();
      if (isAppError(error, "TOKEN_INVALID")) throw errors.MEDIA_TOKEN_INVALID(error);
      throw error;
    }
  }
}
