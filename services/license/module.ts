/** License: content keys, licences and their audit log. */

import { timestampDate } from "@bufbuild/protobuf/wkt";
import { AssetDeletedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { LicenseIssuedSchema, LicenseRefusedSchema } from "#gen/matinee/license/v1/events_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { PlaybackEndedSchema } from "#gen/matinee/playback/v1/events_pb";
import { AccountDeletedSchema } from "#gen/matinee/profile/v1/events_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import { occurredAt } from "#pkg/eventbus/eventbus";
import { periodic } from "#pkg/work/loop";
import { licenseConfig } from "./config.ts";
import { ContentKeys } from "./content-keys.ts";
import { openClearKeyEngine } from "./drm/clearkey.ts";
import { newKeySystems } from "./drm/systems.ts";
import { newLicenseEvents } from "./events.ts";
import { licenseServiceHandler } from "./handler.ts";
import { licenseHandler, licenseRoute } from "./http.ts";
import { Issuing } from "./issue.ts";
import { newKeyCache } from "./key-cache.ts";
import { newPlayTokens } from "./play-tokens.ts";
import { Plays } from "./plays.ts";
import { Records } from "./records.ts";
import { openKeyStore } from "./store/key-store.ts";
import { openPlayStore } from "./store/play-store.ts";
import { openRecordStore } from "./store/record-store.ts";

const MONTHS_EVERY_MS = 60 * 60_000;
const FORGET_EVERY_MS = 60_000;

export const license = defineModule({
  name: "license",
  summary: "Content keys, licences and their audit log",
  owns: ["content key", "key policy", "license record"],
  config: licenseConfig,
  serves: [LicenseService],
  routes: [licenseRoute],
  calls: [],
  needs: ["postgres", "contentKeys", "cache"],
  emits: [LicenseIssuedSchema, LicenseRefusedSchema],
  consumes: [AssetDeletedSchema, PlaybackEndedSchema, AccountDeletedSchema],
  migrations: new URL("./migrations/", import.meta.url),

  async open(host, config) {
    const { postgres: db, contentKeys: keys, cache, clock, log } = host;
    const systems = newKeySystems(config.clearkeyEnabled ? [openClearKeyEngine()] : []);
    for (const status of systems.list()) {
      const fields = { system: status.system, trust: status.trust, note: status.note };
      if (status.isEnabled && status.trust !== "production") log.warn(fields, "key system is on without protection");
      else log.info(fields, status.isEnabled ? "key system is on" : "key system is off");
    }
    const keyStore = openKeyStore(db);
    const records = openRecordStore(db);
    const audit = new Records(records, { clock, log, retentionMs: config.recordRetention });
    const unwrapped = newKeyCache({ keys, clock, size: config.keyCacheSize, ttlMs: config.keyCacheTtl });
    const contentKeys = new ContentKeys({ db, store: keyStore, keys, unwrapped, clock });
    const plays = new Plays({ cache, store: openPlayStore(db), clock, log });
    const issuing = new Issuing({
      plays,
      db,
      keyStore,
      records,
      unwrapped,
      systems,
      tokens: newPlayTokens({ keySets: host.keySets, clock }),
      events: newLicenseEvents(host),
      clock,
      log,
    });
    return {
      services: [serve(LicenseService, licenseServiceHandler({ contentKeys, records: audit, systems }))],
      routes: [{ ...licenseRoute, handle: licenseHandler(issuing, host.territoryOf) }],
      consumers: [
        consume(AssetDeletedSchema, (_event, { asset }) => contentKeys.deleteOf(requireId("assets", asset))),
        consume(PlaybackEndedSchema, (event, { playSession, endTime, tokenEndTime }) => {
          const endedAt = endTime === undefined ? occurredAt(event) : timestampDate(endTime);
          const tokenEndsAt = tokenEndTime === undefined ? endedAt : timestampDate(tokenEndTime);
          return plays.end(requireId("playSessions", playSession), endedAt, tokenEndsAt);
        }),
        consume(AccountDeletedSchema, (_event, { account }) => records.forgetAccount(requireId("accounts", account))),
      ],
      background: [
        { name: "key cache", run: (signal) => unwrapped.sweep(signal) },
        periodic("months of the audit log", MONTHS_EVERY_MS, () => audit.keepMonths(), host),
        periodic("ended plays", FORGET_EVERY_MS, () => plays.sweep(), host),
      ],
      ready: async () => {
        await Promise.all([db.ping(), keys.ping()]);
      },
      [Symbol.asyncDispose]: async () => unwrapped[Symbol.dispose](),
    };
  },
});
