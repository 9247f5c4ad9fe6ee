/** Playback: starts plays, counts streams, serves media. */

import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { AccountDeletedSchema } from "#gen/matinee/profile/v1/events_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import { periodic } from "#pkg/app/periodic";
import { openSigner } from "#pkg/auth/signer";
import { openSigningKeyStore } from "#pkg/auth/signing-key-store";
import { PLAY_ISSUER } from "#pkg/auth/viewer";
import { newHotBlobs } from "#pkg/blobstore/hot";
import { playbackConfig } from "./config.ts";
import { openPlaybackEvents, PLAYBACK_EVENTS } from "./events.ts";
import { playbackHandler } from "./handler.ts";
import { mediaHandler, mediaRoutes } from "./http.ts";
import { openPeers } from "./peers.ts";
import { Sessions } from "./sessions.ts";
import { openSessionStore } from "./store/session-store.ts";
import { Tickets } from "./tickets.ts";

const ROTATION_CHECK_MS = 60 * 60_000;

export const playback = defineModule({
  name: "playback",
  summary: "Starts plays, counts streams, serves media",
  owns: ["play session", "stream slot", "media delivery"],
  config: playbackConfig,
  serves: [PlaybackService],
  routes: mediaRoutes,
  calls: [CatalogService, ProfileService],
  needs: ["postgres", "cache", "keys", "packaged"],
  emits: PLAYBACK_EVENTS,
  consumes: [AccountDeletedSchema],
  migrations: new URL("./migrations/", import.meta.url),
  issuer: PLAY_ISSUER,
  async open(host, config) {
    const { postgres: db, cache, keys, clock, log, packaged } = host;
    const signer = await openSigner({
      issuer: PLAY_ISSUER,
      store: openSigningKeyStore(db),
      keys,
      clock,
      rotateAfterMs: config.keyRotation,
      maxTokenLifeMs: Math.max(config.mediaTokenLife, config.playTokenLife),
    });
    const tickets = new Tickets({
      signer,
      keySets: host.keySets,
      clock,
      playTokenLifeMs: config.playTokenLife,
      mediaTokenLifeMs: config.mediaTokenLife,
    });
    const store = openSessionStore(db);
    const sessions = new Sessions({
      db,
      store,
      events: openPlaybackEvents(host),
      peers: openPeers({ catalog: host.dial(CatalogService), profile: host.dial(ProfileService) }),
      tickets,
      cache,
      clock,
      log,
      options: {
        slotLeaseMs: config.slotLease,
        licenseLifeMs: config.licenseLife,
        keepEndedMs: config.keepEnded,
      },
    });
    const serveMedia = mediaHandler({
      tickets,
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
        consume(AccountDeletedSchema, (_event, { account }) => store.deleteAccount(requireId("accounts", account))),
      ],
      background: [
        periodic("session sweep", config.slotLease / 2, () => sessions.sweep(), host),
        periodic("key rotation", ROTATION_CHECK_MS, () => signer.rotate(), host),
      ],
      ready: () => db.ping(),
    };
  },
});
