/** Playback: starts plays, counts streams, serves media. */

import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { AccountDeletedSchema, SessionsEndedSchema } from "#gen/matinee/profile/v1/events_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import { openSigner } from "#pkg/auth/signer";
import { openSigningKeyStore } from "#pkg/auth/signing-key-store";
import { PLAY_ISSUER } from "#pkg/auth/viewer";
import { newHotBlobs } from "#pkg/blobstore/hot";
import { occurredAt } from "#pkg/eventbus/eventbus";
import { periodic } from "#pkg/work/loop";
import { playbackConfig } from "./config.ts";
import { Endings } from "./endings.ts";
import { appendPositions, openPlaybackEvents, PLAYBACK_EVENTS, PLAYBACK_RECORDS } from "./events.ts";
import { playbackHandler } from "./handler.ts";
import { mediaHandler, mediaRoutes } from "./http.ts";
import { LivePlays } from "./live-plays.ts";
import { openPeers } from "./peers.ts";
import { Progress } from "./progress.ts";
import { Sessions } from "./sessions.ts";
import { openSessionStore } from "./store/session-store.ts";
import { PlayTokens } from "./tokens.ts";

const ROTATION_CHECK_MS = 60 * 60_000;

export const playback = defineModule({
  name: "playback",
  summary: "Starts plays, counts streams, serves media",
  owns: ["play session", "stream slot", "media delivery"],
  config: playbackConfig,
  serves: [PlaybackService],
  routes: mediaRoutes,
  calls: [CatalogService, ProfileService, LicenseService],
  needs: ["postgres", "cache", "signingKeys", "packaged"],
  emits: PLAYBACK_EVENTS,
  consumes: [TitleUnpublishedSchema, SessionsEndedSchema, AccountDeletedSchema],
  appends: PLAYBACK_RECORDS,
  migrations: new URL("./migrations/", import.meta.url),
  issuer: PLAY_ISSUER,
  async open(host, config) {
    const { postgres: db, cache, signingKeys: keys, clock, log, packaged } = host;
    const signer = await openSigner({
      issuer: PLAY_ISSUER,
      store: openSigningKeyStore(db),
      keys,
      clock,
      rotateAfterMs: config.keyRotation,
      maxTokenLifeMs: Math.max(config.mediaTokenLife, config.playTokenLife),
    });
    const tokens = new PlayTokens({
      signer,
      keySets: host.keySets,
      clock,
      playTokenLifeMs: config.playTokenLife,
      mediaTokenLifeMs: config.mediaTokenLife,
    });
    const store = openSessionStore(db);
    const live = new LivePlays({ cache, store, clock, leaseMs: config.slotLease });
    const progress = new Progress({
      clock,
      log: host.log,
      append: (positions) => appendPositions(host.records, positions),
    });
    const events = openPlaybackEvents({ ...host, playTokenLifeMs: config.playTokenLife });
    const { slotLease: slotLeaseMs, keepEnded: keepEndedMs } = config;
    const endings = new Endings({ db, store, live, events, cache, clock, slotLeaseMs, keepEndedMs });
    const sessions = new Sessions({
      db,
      store,
      live,
      events,
      progress,
      endings,
      peers: openPeers({
        catalog: host.dial(CatalogService),
        profile: host.dial(ProfileService),
        license: host.dial(LicenseService),
        clock,
      }),
      tokens,
      clock,
      log,
      options: {
        slotLeaseMs,
        licenseLifeMs: config.licenseLife,
        playTokenLifeMs: config.playTokenLife,
        recheckMs: config.availabilityCheck,
      },
    });
    const serveMedia = mediaHandler({
      tokens,
      live,
      log,
      packaged: newHotBlobs(packaged, { clock, maxBytes: config.mediaCacheMegabytes * 1024 * 1024 }),
    });

    return {
      services: [
        serve(
          PlaybackService,
          playbackHandler({
            sessions,
            territoryOf: host.territoryOf,
            heartbeatIntervalMs: config.heartbeatInterval,
          }),
        ),
      ],
      routes: mediaRoutes.map((route) => ({ ...route, handle: serveMedia })),
      keySet: signer,
      consumers: [
        consume(TitleUnpublishedSchema, (event, { title }) =>
          endings.endTitle(requireId("titles", title), occurredAt(event)),
        ),
        consume(SessionsEndedSchema, (_event, { account, sessions: signIns }) =>
          endings.endSignIns(requireId("accounts", account), signIns),
        ),
        consume(AccountDeletedSchema, (_event, { account }) => endings.eraseAccount(requireId("accounts", account))),
      ],
      background: [
        { name: "progress", run: (signal) => progress.run(signal) },
        periodic("session sweep", config.slotLease / 2, () => endings.sweep(), host),
        periodic("key rotation", ROTATION_CHECK_MS, () => signer.rotate(), host),
      ],
      ready: () => db.ping(),
    };
  },
});
