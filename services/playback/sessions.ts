/** Starting, keeping and ending plays. */

import type { Cache } from "#pkg/cache/cache";
import { type Clock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { grantJsonUntil, grantToJson } from "./convert.ts";
import { ceilingOf, highestWithin, lowest } from "./domain/ceiling.ts";
import { type Format, type KeySystem, type PlayablePackage, policiesFor } from "./domain/grant.ts";
import { tracksAbove } from "./domain/media-file.ts";
import { resumePositionMs } from "./domain/progress.ts";
import { type Device, decideSlot, isActive, type PlaySession } from "./domain/session.ts";
import {
  formatUnavailable,
  keySystemUnavailable,
  playRequestReused,
  playSessionEnded,
  playSessionMismatch,
  streamLimitReached,
  titleUnavailable,
} from "./errors.ts";
import type { EndReason, PlaybackEvents } from "./events.ts";
import type { Decision, Peers, Viewer } from "./peers.ts";
import type { SessionStore } from "./store/session-store.ts";
import type { Tickets } from "./tickets.ts";

export interface StartRequest {
  readonly accountId: string;
  readonly profileId: string;
  readonly titleId: string;
  readonly territory: string;
  readonly requestId: string;
  readonly device: Device;
  readonly formats: readonly Format[];
  readonly keySystems: readonly KeySystem[];
  readonly maxHeight: number;
}

export interface Started {
  readonly session: PlaySession;
  readonly manifests: readonly { readonly format: Format; readonly url: string }[];
  readonly licenseServers: readonly { readonly keySystem: KeySystem; readonly url: string }[];
  readonly playToken: { readonly token: string; readonly expiresAt: Date };
  readonly resumePositionMs: number;
  readonly language: string;
}

export interface SessionsOptions {
  readonly slotLeaseMs: number;
  readonly licenseLifeMs: number;
  readonly keepEndedMs: number;
}

/** Key systems with a licence endpoint here. */
const OFFERED: readonly KeySystem[] = ["clearkey"];

/** A session's position is written and told at most this often; heartbeats in between touch only the cache. */
const PROGRESS_MS = 10_000;
const SWEEP_BATCH = 100;

export interface SessionsDeps {
  readonly db: Db;
  readonly store: SessionStore;
  readonly events: PlaybackEvents;
  readonly peers: Peers;
  readonly tickets: Tickets;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly options: SessionsOptions;
}

export class Sessions {
  readonly #deps: SessionsDeps;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  /**
   * Throws `TITLE_UNAVAILABLE`, `STREAM_LIMIT_REACHED`, `FORMAT_UNAVAILABLE`, `KEY_SYSTEM_UNAVAILABLE`, and for a repeat
   * `PLAY_SESSION_ENDED` or `PLAY_REQUEST_REUSED`.
   */
  async start(request: StartRequest, signal: AbortSignal): Promise<Started> {
    const { peers, store } = this.#deps;
    const viewer = await peers.viewer(request.accountId, request.profileId, request.titleId, signal);
    const decision = await peers.decide(request.titleId, { ...viewer, territory: request.territory }, signal);
    try {
      if (!decision.isAvailable) throw titleUnavailable(decision);
      const repeated = await store.findByRequest(request.accountId, request.requestId);
      if (repeated !== undefined) this.#requireRepeat(repeated, request);
      return await this.#grant(request, viewer, decision, repeated?.id);
    } catch (error) {
      if (isAppError(error)) this.#deps.events.refused(request.titleId, request.accountId, error.reason);
      throw error;
    }
  }

  /** A repeat takes no slot, so it must be the same start of a session that still holds its own. */
  #requireRepeat(session: PlaySession, request: StartRequest): void {
    if (!isActive(session, this.#deps.clock.now())) throw playSessionEnded();
    const isSame =
      session.titleId === request.titleId &&
      session.profileId === request.profileId &&
      session.device.id === request.device.id;
    if (!isSame) throw playRequestReused();
  }

  async #grant(
    request: StartRequest,
    viewer: Viewer,
    { pack, endsAt, displayTitle }: Decision & { readonly isAvailable: true },
    knownId: string | undefined,
  ): Promise<Started> {
    const { clock, tickets, options } = this.#deps;
    const id = knownId ?? newId();
    const granted = lowest(ceilingOf(viewer.maxHeight), ceilingOf(request.maxHeight));
    const ceiling = highestWithin(
      pack.manifests.map((manifest) => manifest.ceiling),
      granted,
    );
    const chosen = request.formats.flatMap(
      (format) => pack.manifests.find((manifest) => manifest.format === format && manifest.ceiling === ceiling) ?? [],
    );
    if (ceiling === undefined || chosen.length === 0) throw formatUnavailable();
    const keySystems = pack.isEncrypted ? request.keySystems.filter((system) => OFFERED.includes(system)) : [];
    if (pack.isEncrypted && keySystems.length === 0) throw keySystemUnavailable();

    const now = clock.now();
    const position = resumePositionMs(viewer.resumePoint);
    const session: PlaySession = {
      id,
      accountId: request.accountId,
      profileId: request.profileId,
      titleId: request.titleId,
      assetId: pack.assetId,
      displayTitle,
      device: request.device,
      territory: request.territory,
      tier: viewer.tier,
      maximumAge: viewer.maximumAge,
      grant: grantToJson({
        sessionId: id,
        accountId: request.accountId,
        profileId: request.profileId,
        titleId: request.titleId,
        deviceId: request.device.id,
        pack,
        ceiling,
        territory: request.territory,
        rightsEndAt: endsAt,
        policies: policiesFor(pack, ceiling, options.licenseLifeMs),
      }),
      durationMs: pack.durationMs,
      positionMs: position,
      startedAt: now,
      seenAt: now,
      leaseExpiresAt: new Date(now.getTime() + options.slotLeaseMs),
      endedAt: undefined,
    };
    if (knownId === undefined) await this.#takeSlot(session, request.requestId, viewer.maxStreams);
    const media = { packageId: pack.id, revision: pack.revision, ceiling, denied: tracksAbove(pack, ceiling) };
    const mediaToken = await tickets.signMedia(id, media, endsAt);
    return {
      session,
      manifests: chosen.map(({ format, path }) => ({ format, url: mediaUrl(mediaToken, pack, path) })),
      licenseServers: keySystems.map((keySystem) => ({ keySystem, url: `/license/${keySystem}?session=${id}` })),
      playToken: await tickets.signPlay(id, session.grant, endsAt),
      resumePositionMs: position,
      language: viewer.language,
    };
  }

  async #takeSlot(session: PlaySession, requestId: string, maxStreams: number): Promise<void> {
    const { db, store, events } = this.#deps;
    await db.tx(async (tx) => {
      await store.lockAccount(tx, session.accountId);
      const active = await store.listActive(tx, session.accountId, session.startedAt);
      const decision = decideSlot(active, session.device.id, maxStreams);
      if (decision.kind === "refused") {
        throw streamLimitReached(
          maxStreams,
          decision.playing.map(({ device }) => device.displayName),
        );
      }
      for (const old of decision.takesOver) {
        await store.end(tx, old.id, old.positionMs, session.startedAt);
        await events.ended(tx, old, old.positionMs, old.seenAt, "stopped");
      }
      // The same request, sent twice at once: the second waited for the first and asks again.
      if (!(await store.insert(tx, session, requestId))) throw playSessionEnded();
      await events.started(tx, session);
    });
  }

  /**
   * Keeps the slot and answers a fresh token, after asking availability again: what was unpublished or has run out ends
   * here. While catalog is away the session goes on within its token.
   * Throws `PLAY_SESSION_MISMATCH`, `PLAY_SESSION_ENDED`, `TITLE_UNAVAILABLE`.
   */
  async heartbeat(sessionId: string, tokenSessionId: string, positionMs: number, signal: AbortSignal) {
    const session = await this.#own(sessionId, tokenSessionId);
    const { db, store, events, cache, clock, tickets, options } = this.#deps;
    const now = clock.now();
    if (!isActive(session, now)) throw playSessionEnded();
    const decision = await this.#decideAgain(session, signal);
    if (decision?.isAvailable === false) {
      await this.#end(session, positionMs, "rights_ended");
      throw titleUnavailable(decision);
    }
    if (await cache.setIfAbsent(`playback:progress:${sessionId}`, "1", PROGRESS_MS)) {
      const leaseExpiresAt = new Date(now.getTime() + options.slotLeaseMs);
      await db.tx(async (tx) => {
        if (!(await store.renew(tx, sessionId, positionMs, now, leaseExpiresAt))) throw playSessionEnded();
        await events.progressed(tx, session, positionMs);
      });
    }
    const grant = decision === undefined ? session.grant : grantJsonUntil(session.grant, decision.endsAt);
    return tickets.signPlay(sessionId, grant, decision?.endsAt);
  }

  async #decideAgain(session: PlaySession, signal: AbortSignal): Promise<Decision | undefined> {
    try {
      return await this.#deps.peers.decide(session.titleId, session, signal);
    } catch (err) {
      if (isAppError(err) && (err.kind === "unavailable" || err.kind === "deadline_exceeded")) {
        this.#deps.log.warn({ err, sessionId: session.id }, "availability not asked again");
        return undefined;
      }
      if (isAppError(err) && err.kind === "not_found") {
        return { isAvailable: false, reason: "TITLE_NOT_PUBLISHED", message: "This title is not in the catalogue." };
      }
      throw err;
    }
  }

  /** Stopping twice is no error. Throws `PLAY_SESSION_MISMATCH`. */
  async stop(sessionId: string, tokenSessionId: string, positionMs: number): Promise<void> {
    const session = await this.#own(sessionId, tokenSessionId);
    if (session.endedAt === undefined) await this.#end(session, positionMs, "stopped");
  }

  async #own(sessionId: string, tokenSessionId: string): Promise<PlaySession> {
    if (sessionId !== tokenSessionId) throw playSessionMismatch();
    const session = await this.#deps.store.find(sessionId);
    if (session === undefined) throw playSessionEnded();
    return session;
  }

  async #end(session: PlaySession, positionMs: number, reason: EndReason): Promise<void> {
    const { db, store, events, clock } = this.#deps;
    const now = clock.now();
    await db.tx(async (tx) => {
      if (!(await store.end(tx, session.id, positionMs, now))) return;
      await events.progressed(tx, session, positionMs);
      await events.ended(tx, session, positionMs, now, reason);
    });
  }

  /** Ends sessions whose player fell silent, and forgets those that ended long ago. */
  async sweep(): Promise<void> {
    const { db, store, events, clock, options } = this.#deps;
    const now = clock.now();
    const expired = await db.tx(async (tx) => {
      const sessions = await store.endExpired(tx, now, SWEEP_BATCH);
      for (const session of sessions) await events.ended(tx, session, session.positionMs, session.seenAt, "expired");
      return sessions.length;
    });
    await store.deleteEndedBefore(new Date(now.getTime() - options.keepEndedMs), SWEEP_BATCH);
    if (expired === SWEEP_BATCH) await this.sweep();
  }
}

/** Relative to the edge's origin; manifests name their segments relative to themselves, so the token goes along. */
function mediaUrl(token: string, pack: PlayablePackage, path: string): string {
  return `/m/${token}/${pack.id}/${pack.revision}/${path}`;
}
