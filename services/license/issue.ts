/** Decides on a licence and has an engine write it; every decision leaves a row in the audit log. */

import { type Clock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { toKid } from "./domain/content-key.ts";
import { checkGrant, type Grant, grantedKeys } from "./domain/entitlement.ts";
import type { KeySystem, LicenseRecord } from "./domain/record.ts";
import type { IssuableKey, License, Trust } from "./drm/engine.ts";
import type { KeySystems } from "./drm/systems.ts";
import type { LicenseEvents } from "./events.ts";
import type { UnwrappedKeys } from "./key-cache.ts";
import type { PlayTokens } from "./play-tokens.ts";
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
}

export interface IssuingOptions {
  readonly db: Db;
  readonly keyStore: KeyStore;
  readonly records: RecordStore;
  readonly unwrapped: UnwrappedKeys;
  readonly systems: KeySystems;
  readonly tokens: PlayTokens;
  readonly events: LicenseEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of a request so far, for its row in the audit log. */
interface Facts {
  grant: Grant | undefined;
  requested: readonly Uint8Array[];
}

export class Issuing {
  readonly #options: IssuingOptions;

  constructor(options: IssuingOptions) {
    this.#options = options;
  }

  /**
   * Throws the reason of a refusal, after it was recorded. No licence leaves without its row. Who brings no token of ours
   * is nobody that a row could name: such refusals are counted only, or anyone could fill the log.
   */
  async issue(request: LicenseRequest): Promise<IssuedLicense> {
    const facts: Facts = { grant: undefined, requested: [] };
    try {
      const { license, issued } = await this.#decide(request, facts);
      await this.#record(request, facts, { refusalReason: undefined, issued });
      return license;
    } catch (error) {
      if (isRefusal(error)) {
        if (facts.grant === undefined) this.#options.events.unreadable(request.system, error.reason);
        else await this.#recordRefusal(request, facts, error.reason);
      }
      throw error;
    }
  }

  async #decide(
    request: LicenseRequest,
    facts: Facts,
  ): Promise<{ readonly license: IssuedLicense; readonly issued: readonly Uint8Array[] }> {
    const { tokens, systems, keyStore, unwrapped, clock } = this.#options;
    const { grant, expiresAt } = await tokens.read(request.token);
    facts.grant = grant;
    checkGrant(grant, {
      now: clock.now(),
      playSessionId: request.playSessionId,
      tokenExpiresAt: expiresAt,
      territory: request.territory,
    });
    const engine = systems.engine(request.system);
    const challenge = await engine.parse(await request.readChallenge());
    facts.requested = challenge.keyIds;
    const granted = grantedKeys(grant, challenge.keyIds.map(toKid), await keyStore.byIds(challenge.keyIds));
    using opened = new DisposableStack();
    const keys: IssuableKey[] = [];
    for (const { key, policy } of granted) {
      keys.push({ keyId: key.keyId, key: opened.use(await unwrapped.open(key)), policy });
    }
    const license = await engine.issue(challenge, grant, keys);
    return { license: { ...license, trust: engine.trust }, issued: keys.map(({ keyId }) => keyId) };
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
