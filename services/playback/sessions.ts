/** Starting, keeping and ending plays. */

import { type Clock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import type { OnBehalf } from "#pkg/rpc/behalf";
import { claimUntil, grantToClaim } from "./convert.ts";
import { ceilingOf, highestWithin, lowest } from "./domain/ceiling.ts";
import {
  type Format,
  type HeldGrant,
  type KeySystem,
  type OfferedKeySystem,
  type PlayablePackage,
  policiesFor,
} from "./domain/grant.ts";
import { decideSlot, type LivePlay } from "./domain/live.ts";
import { namesAbove } from "./domain/media-file.ts";
import { resumePositionMs } from "./domain/progress.ts";
import type { Device, EndReason, PlaySession } from "./domain/session.ts";
import { type Endings, endingOf } from "./endings.ts";
import { errors } from "./errors.ts";
import type { PlaybackEvents } from "./events.ts";
import type { Change, LivePlays } from "./live-plays.ts";
import type { Decision, Peers, Viewer } from "./peers.ts";
import type { Progress } from "./progress.ts";
import type { SessionStore } from "./store/session-store.ts";
import type { PlayTokens } from "./tokens.ts";

export interface StartRequest {
  readonly accountId: string;
  readonly profileId: string;
  /** The viewer's sign-in session. */
  readonly signInId: string;
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
  readonly leaseEndsAt: Date;
  readonly manifests: readonly { readonly format: Format; readonly uri: string }[];
  readonly licenseServers: readonly OfferedKeySystem[];
  readonly playToken: { readonly token: string; readonly expiresAt: Date };
  readonly resumePositionMs: number;
  readonly language: string;
}

export interface SessionsOptions {
  readonly slotLeaseMs: number;
  readonly licenseLifeMs: number;
  readonly playTokenLifeMs: number;
  /** For how long an answer of the catalog counts. */
  readonly recheckMs: number;
}

/** A session's position is told at most this often. */
const PROGRESS_MS = 10_000;

interface TakenSlot {
  readonly taken: LivePlay;
  readonly replaces: readonly LivePlay[];
  readonly lapsed: readonly LivePlay[];
}

interface Renewed {
  readonly play: LivePlay;
  readonly isToTell: boolean;
  readonly isToCheck: boolean;
}

export interface SessionsDeps {
  readonly db: Db;
  readonly store: SessionStore;
  readonly live: LivePlays;
  readonly events: PlaybackEvents;
  readonly progress: Progress;
  readonly endings: Endings;
  readonly peers: Peers;
  readonly tokens: PlayTokens;
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
  async start(request: StartRequest, behalf: OnBehalf): Promise<Started> {
    const { signal } = behalf;
    const { peers, store, clock } = this.#deps;
    // Before catalog is asked: a title that is unpublished from now on ends this play too.
    const startedAt = clock.now();
    const [viewer, repeated] = await Promise.all([
      peers.viewer(request.accountId, request.profileId, request.titleId, behalf),
      store.findByRequest(request.accountId, request.requestId),
    ]);
    const decision = await peers.decide(request.titleId, { ...viewer, territory: request.territory }, signal);
    try {
      if (!decision.isAvailable) throw errors.TITLE_UNAVAILABLE(decision);
      if (repeated !== undefined) requireRepeat(repeated, request);
      return await this.#grant(request, viewer, decision, startedAt, signal, repeated);
    } catch (error) {
      if (isAppError(error)) this.#deps.events.refused(request.titleId, request.accountId, error.reason);
      throw error;
    }
  }

  async #grant(
    request: StartRequest,
    viewer: Viewer,
    decision: Decision & { readonly isAvailable: true },
    startedAt: Date,
    signal: AbortSignal,
    repeated: PlaySession | undefined,
  ): Promise<Started> {
    const { tokens, options, peers } = this.#deps;
    const { pack, endsAt } = decision;
    const granted = lowest(ceilingOf(viewer.maxHeight), ceilingOf(request.maxHeight));
    const ceiling = highestWithin(
      pack.manifests.flatMap((manifest) => manifest.ceiling ?? []),
      granted,
    );
    const chosen = request.formats.flatMap((format) => {
      const manifest = pack.manifests.find((one) => one.format === format && one.ceiling === ceiling);
      return manifest === undefined ? [] : [{ format, path: manifest.path }];
    });
    if (ceiling === undefined || chosen.length === 0) throw errors.FORMAT_UNAVAILABLE();
    const offered = pack.isEncrypted ? await peers.keySystems(signal) : [];
    const keySystems = request.keySystems.flatMap((named) => {
      return offered.find(({ keySystem }) => keySystem === named) ?? [];
    });
    if (pack.isEncrypted && keySystems.length === 0) throw errors.KEY_SYSTEM_UNAVAILABLE();

    const position = resumePositionMs(viewer.resumePoint);
    const asked: PlaySession = {
      id: newId(),
      accountId: request.accountId,
      profileId: request.profileId,
      titleId: request.titleId,
      assetId: pack.assetId,
      displayTitle: decision.displayTitle,
      device: request.device,
      territory: request.territory,
      tier: viewer.tier,
      maximumAge: viewer.maximumAge,
      signInId: request.signInId,
      durationMs: pack.durationMs,
      positionMs: position,
      startedAt,
      seenAt: startedAt,
      rightsEndAt: endsAt,
      endedAt: undefined,
      endReason: undefined,
    };
    const { session, leaseEndsAt } =
      repeated === undefined
        ? await this.#begin(asked, request.requestId, viewer.maxStreams)
        : await this.#goOn(repeated);
    const claim = grantToClaim({
      sessionId: session.id,
      accountId: request.accountId,
      profileId: request.profileId,
      titleId: request.titleId,
      deviceId: request.device.id,
      pack,
      ceiling,
      territory: request.territory,
      rightsEndAt: endsAt,
      policies: policiesFor(pack, ceiling, options.licenseLifeMs),
    });
    const mediaToken = await tokens.signMedia(
      {
        sessionId: session.id,
        accountId: request.accountId,
        packageId: pack.id,
        revision: pack.revision,
        denied: namesAbove(pack, ceiling),
      },
      endsAt,
    );
    return {
      session,
      leaseEndsAt: new Date(leaseEndsAt),
      manifests: chosen.map(({ format, path }) => ({ format, uri: mediaUri(mediaToken, pack, path) })),
      licenseServers: keySystems.map((offer) => ({ ...offer, uri: withQuery(offer.uri, `session=${session.id}`) })),
      playToken: await tokens.signPlay(session.id, claim, endsAt),
      resumePositionMs: position,
      language: viewer.language,
    };
  }

  /** Takes a slot, ends what gave it up, and records both. */
  async #begin(
    session: PlaySession,
    requestId: string,
    maxStreams: number,
  ): Promise<{ readonly session: PlaySession; readonly leaseEndsAt: number }> {
    const { db, store, live, events, clock, options } = this.#deps;
    const { accountId, device } = session;
    const nowMs = clock.now().getTime();
    const play: LivePlay = {
      id: session.id,
      requestId,
      deviceId: device.id,
      deviceName: device.displayName,
      tier: session.tier,
      maximumAge: session.maximumAge,
      durationMs: session.durationMs,
      leaseEndsAt: nowMs + options.slotLeaseMs,
      seenAt: nowMs,
      checkedAt: session.startedAt.getTime(),
      toldAt: 0,
      positionMs: session.positionMs,
    };
    const { taken, replaces, lapsed } = await live.change(accountId, (plays): Change<TakenSlot> => {
      const slot = decideSlot(plays, { requestId, deviceId: device.id, maxStreams, nowMs });
      if (slot.kind === "refused") {
        throw errors.STREAM_LIMIT_REACHED(
          maxStreams,
          slot.playing.map(({ deviceName }) => deviceName),
        );
      }
      // The same request, sent twice at once: one play, whichever of the two comes first.
      if (slot.kind === "repeated") return { result: { taken: slot.play, replaces: [], lapsed: [] } };
      const over = [...slot.replaces, ...slot.lapsed];
      return { plays: [...plays.filter((one) => !over.includes(one)), play], result: { taken: play, ...slot } };
    });
    if (taken !== play) return { session: { ...session, id: taken.id }, leaseEndsAt: taken.leaseEndsAt };
    try {
      await db.tx(async (tx) => {
        const endings = [
          ...replaces.map((one) => endingOf(one, "replaced")),
          ...lapsed.map((one) => endingOf(one, "expired")),
        ];
        for (const ended of await store.end(tx, endings, session.startedAt)) await events.ended(tx, ended);
        if (!(await store.insert(tx, session, requestId))) throw errors.PLAY_SESSION_ENDED(undefined);
        await events.started(tx, session);
      });
    } catch (error) {
      await live.remove(accountId, [session.id]).catch((err: unknown) => {
        this.#deps.log.warn({ err, sessionId: session.id }, "a slot is held until its lease runs out");
      });
      throw error;
    }
    return { session, leaseEndsAt: play.leaseEndsAt };
  }

  /** The same start again: its play goes on, if it still lives. */
  async #goOn(session: PlaySession): Promise<{ readonly session: PlaySession; readonly leaseEndsAt: number }> {
    const { live, clock, options } = this.#deps;
    const leaseEndsAt = clock.now().getTime() + options.slotLeaseMs;
    const renewed = await live.change(session.accountId, (plays) => {
      const play = plays.find(({ id }) => id === session.id);
      if (play === undefined) return { result: undefined };
      return { plays: plays.with(plays.indexOf(play), { ...play, leaseEndsAt }), result: play };
    });
    if (renewed === undefined) throw errors.PLAY_SESSION_ENDED(session.endReason);
    return { session, leaseEndsAt };
  }

  /**
   * Keeps the slot, in the cache alone, and answers a fresh token where the one that came grows old. Availability is
   * asked again when its last answer is too old; while catalog or the cache is away the play goes on within its token.
   * Throws `PLAY_SESSION_MISMATCH`, `PLAY_SESSION_ENDED`, `TITLE_UNAVAILABLE`.
   */
  async heartbeat(sessionId: string, held: HeldGrant, positionMs: number, signal: AbortSignal) {
    if (sessionId !== held.sessionId) throw errors.PLAY_SESSION_MISMATCH();
    const { live, progress, clock, tokens, options } = this.#deps;
    const now = clock.now();
    const nowMs = now.getTime();
    const renewed = await this.#withinToken(() =>
      live.change(held.accountId, (plays): Change<"ended" | Renewed> => {
        const play = plays.find(({ id }) => id === sessionId);
        if (play === undefined) return { result: "ended" };
        const isToTell = nowMs - play.toldAt >= PROGRESS_MS;
        const isToCheck = nowMs - play.checkedAt >= options.recheckMs;
        const next: LivePlay = {
          ...play,
          leaseEndsAt: nowMs + options.slotLeaseMs,
          seenAt: nowMs,
          positionMs: Math.round(positionMs),
          toldAt: isToTell ? nowMs : play.toldAt,
          checkedAt: isToCheck ? nowMs : play.checkedAt,
        };
        return { plays: plays.with(plays.indexOf(play), next), result: { play: next, isToTell, isToCheck } };
      }),
    );
    if (renewed === "ended") throw await this.#whyEnded(sessionId);
    if (held.rightsEndAt !== undefined && held.rightsEndAt <= now) {
      await this.#end(held, "rights_ended", positionMs);
      throw errors.TITLE_UNAVAILABLE(RIGHTS_ENDED);
    }
    let rightsEndAt = held.rightsEndAt;
    if (renewed?.isToCheck === true) {
      const decision = await this.#decideAgain(held, renewed.play, signal);
      if (decision?.isAvailable === false) {
        await this.#end(held, "unavailable", positionMs);
        throw errors.TITLE_UNAVAILABLE(decision);
      }
      if (decision !== undefined) rightsEndAt = decision.endsAt;
    }
    if (renewed?.isToTell === true) progress.tell(this.#position(held, positionMs, renewed.play.durationMs, now));
    const isSameEnd = rightsEndAt?.getTime() === held.rightsEndAt?.getTime();
    const isFresh = held.tokenExpiresAt.getTime() - nowMs > options.playTokenLifeMs / 2;
    if (isSameEnd && isFresh) return { token: "", expiresAt: held.tokenExpiresAt };
    return tokens.signPlay(sessionId, isSameEnd ? held.claim : claimUntil(held.claim, rightsEndAt), rightsEndAt);
  }

  /** What the token says counts while nobody can be asked. */
  async #withinToken<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (err) {
      if (!isAppError(err) || (err.kind !== "unavailable" && err.kind !== "deadline_exceeded")) throw err;
      this.#deps.log.warn({ err }, "a play goes on within its token");
      return undefined;
    }
  }

  async #decideAgain(held: HeldGrant, play: LivePlay, signal: AbortSignal): Promise<Decision | undefined> {
    const asker = { territory: held.territory, tier: play.tier, maximumAge: play.maximumAge };
    try {
      return await this.#withinToken(() => this.#deps.peers.decide(held.titleId, asker, signal));
    } catch (err) {
      if (isAppError(err) && err.kind === "not_found") return NOT_IN_CATALOGUE;
      throw err;
    }
  }

  /** What lives of the account, oldest first, with the end of its lease. */
  async listLive(
    accountId: string,
    limit: number,
    afterId: string | undefined,
  ): Promise<readonly { readonly session: PlaySession; readonly leaseEndsAt: Date }[]> {
    const { live, store } = this.#deps;
    const plays = await live.change(accountId, (plays) => ({ result: plays }));
    const leases = new Map(plays.map(({ id, leaseEndsAt }) => [id, new Date(leaseEndsAt)]));
    const recorded = await store.listUnended(accountId);
    return recorded
      .flatMap(({ session }) => {
        const leaseEndsAt = leases.get(session.id);
        return leaseEndsAt === undefined ? [] : [{ session, leaseEndsAt }];
      })
      .filter(({ session }) => afterId === undefined || session.id > afterId)
      .slice(0, limit);
  }

  /** Ends a play of the account, whichever device asks. Ending twice is no error. Throws `PLAY_SESSION_NOT_FOUND`. */
  async endFor(accountId: string, sessionId: string): Promise<void> {
    const { live, store, endings } = this.#deps;
    // Whose it is comes first: what is taken out is remembered as ended.
    if ((await store.find(sessionId))?.accountId !== accountId) throw errors.PLAY_SESSION_NOT_FOUND();
    const removed = await live.remove(accountId, [sessionId]);
    await endings.record(removed.map((play) => endingOf(play, "ended_elsewhere")));
  }

  /** Stopping twice is no error. Throws `PLAY_SESSION_MISMATCH`. */
  async stop(sessionId: string, held: HeldGrant, positionMs: number): Promise<void> {
    if (sessionId !== held.sessionId) throw errors.PLAY_SESSION_MISMATCH();
    await this.#end(held, "stopped", positionMs);
  }

  async #end(held: HeldGrant, reason: EndReason, positionMs: number): Promise<void> {
    const { live, progress, clock } = this.#deps;
    const [play] = await live.remove(held.accountId, [held.sessionId]);
    if (play === undefined) return;
    const now = clock.now();
    await this.#deps.endings.record([{ id: held.sessionId, reason, positionMs, seenAt: now }]);
    await progress.tellNow(this.#position(held, positionMs, play.durationMs, now));
  }

  #position(held: HeldGrant, positionMs: number, durationMs: number, at: Date) {
    const { sessionId, accountId, profileId, titleId } = held;
    return { sessionId, accountId, profileId, titleId, positionMs, durationMs, at };
  }

  /** For what came with a token that is good, of a play that is no more. */
  async #whyEnded(sessionId: string) {
    const reason = (await this.#deps.store.find(sessionId))?.endReason;
    if (reason === "unavailable") return errors.TITLE_UNAVAILABLE(NOT_IN_CATALOGUE);
    return reason === "rights_ended" ? errors.TITLE_UNAVAILABLE(RIGHTS_ENDED) : errors.PLAY_SESSION_ENDED(reason);
  }
}

const NOT_IN_CATALOGUE = {
  isAvailable: false,
  reason: "TITLE_NOT_PUBLISHED",
  message: "This title is not in the catalogue.",
} as const;

const RIGHTS_ENDED = {
  isAvailable: false,
  reason: "TITLE_ENDED",
  message: "The right to show this title has ended.",
} as const;

/** A repeat takes no slot, so it must be the same start, of a session that has not ended. */
function requireRepeat(session: PlaySession, request: StartRequest): void {
  if (session.endedAt !== undefined) throw errors.PLAY_SESSION_ENDED(session.endReason);
  const isSame =
    session.titleId === request.titleId &&
    session.profileId === request.profileId &&
    session.device.id === request.device.id;
  if (!isSame) throw errors.PLAY_REQUEST_REUSED();
}

/** The reference with one more part in its query. */
function withQuery(uri: string, part: string): string {
  return `${uri}${uri.includes("?") ? "&" : "?"}${part}`;
}

/** Relative to the edge's origin; manifests name their segments relative to themselves, so the token goes along. */
function mediaUri(token: string, pack: PlayablePackage, path: string): string {
  return `/m/${token}/${pack.id}/${pack.revision}/${path}`;
}
