/** Decides on a licence and has an engine write it; every decision leaves a row in the audit log. */

import { type Clock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { toKid, type WrappedContentKey } from "./domain/content-key.ts";
import { checkGrant, type Grant, type GrantedKey, grantedKeys, lastsMs } from "./domain/entitlement.ts";
import type { KeySystem, LicenseRecord } from "./domain/record.ts";
import type { IssuableKey, License, TrackIv, Trust } from "./drm/engine.ts";
import type { KeySystems } from "./drm/systems.ts";
import type { LicenseEvents } from "./events.ts";
import type { UnwrappedKeys } from "./key-cache.ts";
import type { PlayTokens } from "./play-tokens.ts";
import type { Licensed, LicenseMark, Plays } from "./plays.ts";
import type { KeyStore } from "./store/key-store.ts";
import type { RecordStore } from "./store/record-store.ts";

export interface LicenseRequest {
  readonly system: KeySystem;
  /** The bearer token as it came; undefined where there was none. */
  readonly token: string | undefined;
  /** Id of the play session that the caller says it belongs to. */
  readonly playSessionId: string;
  /** ISO 3166-1 alpha-2 of where the request comes from. */
  readonly territory: string;
  readonly remoteAddress: string;
  readonly traceId: string;
  /** Reads the challenge; called only for a caller that may have a licence. */
  readonly readChallenge: () => Promise<Uint8Array>;
}

export interface IssuedLicense extends License {
  readonly trust: Trust;
  /** After this the player should have renewed it; undefined where the licence says it itself. */
  readonly lastsMs: number | undefined;
}

export interface IssuingOptions {
  readonly db: Db;
  readonly keyStore: KeyStore;
  readonly records: RecordStore;
  readonly unwrapped: UnwrappedKeys;
  readonly systems: KeySystems;
  readonly tokens: PlayTokens;
  readonly plays: Plays;
  readonly events: LicenseEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of a request so far, for its row in the audit log. */
interface Facts {
  grant: Grant | undefined;
  requested: readonly Uint8Array[];
}

interface Decided {
  readonly kind: "license";
  readonly license: IssuedLicense;
  readonly issued: readonly Uint8Array[];
  readonly licensed: Licensed;
  readonly playSessionId: string;
}

/** What wants no keys gets none, and no row. */
interface Replied {
  readonly kind: "reply";
  readonly license: IssuedLicense;
}

export class Issuing {
  readonly #options: IssuingOptions;

  constructor(options: IssuingOptions) {
    this.#options = options;
  }

  /**
   * Throws the reason of a refusal, after it was recorded. No licence leaves without its row; a renewal has that of the
   * licence that it renews: the same keys, to the same play in the same place. Who brings no token of ours is nobody that
   * a row could name: such refusals are counted only, or anyone could fill the log; nor does a play fill it that is
   * refused again and again.
   */
  async issue(request: LicenseRequest): Promise<IssuedLicense> {
    const facts: Facts = { grant: undefined, requested: [] };
    try {
      const { system, remoteAddress } = request;
      const decided = await this.#decide(request, facts);
      if (decided.kind === "reply") {
        this.#options.events.replied(system);
        return decided.license;
      }
      const { license, issued, licensed, playSessionId } = decided;
      const mark: LicenseMark = { system, remoteAddress, keyIds: issued };
      if (this.#options.plays.isRenewal(licensed, mark)) {
        this.#options.events.renewed(system, playSessionId);
      } else {
        await this.#record(request, facts, { refusalReason: undefined, issued });
        await this.#options.plays.remember(playSessionId, licensed, mark);
      }
      return license;
    } catch (error) {
      if (isRefusal(error)) {
        const { events, plays } = this.#options;
        if (facts.grant === undefined) events.unreadable(request.system, error.reason);
        else if (await plays.isRefusalNews(facts.grant.playSessionId)) {
          await this.#recordRefusal(request, facts, error.reason);
        } else events.refusedAgain(request.system, error.reason);
      }
      throw error;
    }
  }

  async #decide(request: LicenseRequest, facts: Facts): Promise<Decided | Replied> {
    const { tokens, plays, systems, unwrapped, clock } = this.#options;
    const { grant, expiresAt } = await tokens.read(request.token);
    facts.grant = grant;
    checkGrant(grant, {
      now: clock.now(),
      playSessionId: request.playSessionId,
      tokenExpiresAt: expiresAt,
      territory: request.territory,
    });
    const licensed = await plays.requireLive(grant.playSessionId);
    const engine = systems.engine(request.system);
    const { trust, saysDuration } = engine;
    const challenge = await engine.parse(await request.readChallenge());
    if (challenge.kind === "reply") {
      const { body, contentType } = challenge;
      return { kind: "reply", license: { body, contentType, trust, lastsMs: undefined } };
    }
    facts.requested = challenge.keyIds;
    const granted = grantedKeys(grant, challenge.keyIds.map(toKid), await this.#rows(challenge.keyIds));
    const ivs = engine.needsIvs ? await this.#ivs(grant, granted) : new Map<string, readonly TrackIv[]>();
    using opened = new DisposableStack();
    const keys: IssuableKey[] = [];
    for (const { key, policy } of granted) {
      const secret = opened.use(await unwrapped.open(key));
      keys.push({ keyId: key.keyId, key: secret, policy, ivs: ivs.get(toKid(key.keyId)) ?? [] });
    }
    const license = await engine.issue(challenge, grant, keys);
    return {
      kind: "license",
      license: { ...license, trust, lastsMs: saysDuration ? undefined : lastsMs(grant, granted, clock.now()) },
      issued: keys.map(({ keyId }) => keyId),
      licensed,
      playSessionId: grant.playSessionId,
    };
  }

  /** By key id, of the package that is played. */
  async #ivs(grant: Grant, granted: readonly GrantedKey[]): Promise<Map<string, readonly TrackIv[]>> {
    if (grant.played === undefined) return new Map();
    const keyIds = granted.map(({ key }) => key.keyId);
    return Map.groupBy(await this.#options.keyStore.ivsOf(grant.played, keyIds), ({ keyId }) => toKid(keyId));
  }

  /** Of keys that are kept unwrapped the rows are known, too. */
  async #rows(keyIds: readonly Uint8Array[]): Promise<WrappedContentKey[]> {
    const { keyStore, unwrapped } = this.#options;
    const known = keyIds.flatMap((keyId) => unwrapped.row(toKid(keyId)) ?? []);
    return known.length === keyIds.length ? known : keyStore.byIds(keyIds);
  }

  /** A refusal stands even where it cannot be recorded. */
  async #recordRefusal(request: LicenseRequest, facts: Facts, refusalReason: string): Promise<void> {
    try {
      await this.#record(request, facts, { refusalReason, issued: [] });
    } catch (error) {
      this.#options.log.error({ err: error, reason: refusalReason }, "a refused licence could not be recorded");
    }
  }

  async #record(
    request: LicenseRequest,
    { grant, requested }: Facts,
    outcome: { readonly refusalReason: string | undefined; readonly issued: readonly Uint8Array[] },
  ): Promise<void> {
    const record: LicenseRecord = {
      id: newId(),
      createdAt: this.#options.clock.now(),
      keySystem: request.system,
      refusalReason: outcome.refusalReason,
      playSessionId: grant?.playSessionId,
      accountId: grant?.accountId,
      assetId: grant?.assetId,
      requestedKeyIds: requested,
      issuedKeyIds: outcome.issued,
      remoteAddress: request.remoteAddress,
      traceId: request.traceId,
    };
    await this.#options.db.tx(async (tx) => {
      await this.#options.records.add(tx, record);
      await this.#options.events.decided(tx, record);
    });
  }
}

/** A decision about the request; a failure of our own is none. */
function isRefusal(error: unknown): error is { readonly reason: string } {
  return isAppError(error) && error.kind !== "unavailable" && error.kind !== "internal";
}
