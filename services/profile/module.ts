/** Profile: accounts, sign-in, profiles, lists and resume points. */

import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import { PlaybackProgressedSchema } from "#gen/matinee/playback/v1/events_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { requireId } from "#pkg/aip/resource-name";
import { defineModule, read, serve } from "#pkg/app/module";
import { openSigner } from "#pkg/auth/signer";
import { openSigningKeyStore } from "#pkg/auth/signing-key-store";
import { VIEWER_ISSUER } from "#pkg/auth/viewer";
import { periodic } from "#pkg/work/loop";
import { Accounts } from "./accounts.ts";
import { profileConfig } from "./config.ts";
import { newEndedSessionList } from "./ended-sessions.ts";
import { openProfileEvents, PROFILE_EVENTS } from "./events.ts";
import { newGuessing } from "./guessing.ts";
import { profileHandler } from "./handler.ts";
import { openAccountStore } from "./store/account-store.ts";
import { openEndedSessionStore } from "./store/ended-session-store.ts";
import { openViewingStore } from "./store/viewing-store.ts";
import { Viewing } from "./viewing.ts";

const HOUSEKEEPING_MS = 60 * 60_000;

export const profile = defineModule({
  name: "profile",
  summary: "Accounts, sign-in, profiles, plans, lists and resume points",
  owns: ["account", "session", "profile", "plan", "list", "resume point"],
  config: profileConfig,
  serves: [ProfileService],
  routes: [],
  calls: [],
  needs: ["postgres", "signingKeys", "cache"],
  emits: PROFILE_EVENTS,
  consumes: [],
  reads: [PlaybackProgressedSchema],
  migrations: new URL("./migrations/", import.meta.url),
  issuer: VIEWER_ISSUER,
  async open(host, config) {
    const { postgres: db, signingKeys: keys, cache, clock } = host;
    const signer = await openSigner({
      issuer: VIEWER_ISSUER,
      store: openSigningKeyStore(db),
      keys,
      clock,
      rotateAfterMs: config.keyRotation,
      maxTokenLifeMs: config.accessTokenLife,
    });
    const store = openAccountStore(db);
    const events = openProfileEvents(host);
    const ended = newEndedSessionList({
      store: openEndedSessionStore(db),
      clock,
      accessTokenLifeMs: config.accessTokenLife,
    });
    const accounts = new Accounts({
      db,
      store,
      signer,
      events,
      ended,
      guessing: newGuessing({ cache, log: host.log }),
      clock,
      options: {
        accessTokenLifeMs: config.accessTokenLife,
        refreshTokenLifeMs: config.refreshTokenLife,
        refreshGraceMs: config.refreshGrace,
        defaultTier: config.defaultTier,
      },
    });
    const viewing = new Viewing({ db, accounts: store, store: openViewingStore(db), events, clock });
    if (config.operatorEmail !== undefined && config.operatorPassword !== undefined) {
      await accounts.ensureOperator(config.operatorEmail, config.operatorPassword);
    }

    return {
      services: [serve(ProfileService, profileHandler({ accounts, viewing }))],
      keySet: signer,
      endedSessions: ended,
      readers: [
        read(PlaybackProgressedSchema, (batch) =>
          viewing.saveResumePoints(
            batch.map(({ message, appendedAt }) => ({
              profileId: requireId("profiles", message.profile),
              titleId: requireId("titles", message.title),
              positionMs: message.position === undefined ? 0 : Math.round(durationMs(message.position)),
              durationMs: message.duration === undefined ? 0 : Math.round(durationMs(message.duration)),
              isFinished: message.isFinished,
              updatedAt: message.occurTime === undefined ? appendedAt : timestampDate(message.occurTime),
            })),
          ),
        ),
      ],
      background: [
        periodic("key rotation", HOUSEKEEPING_MS, () => signer.rotate(), host),
        periodic("session sweep", HOUSEKEEPING_MS, () => accounts.sweep(), host),
      ],
      ready: () => db.ping(),
    };
  },
});
