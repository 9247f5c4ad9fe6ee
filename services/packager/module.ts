/** Packager: encrypted, adaptive packages of finished renditions. */

import { AssetDeletedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import { announcing } from "#pkg/work/announcing";
import { packagerConfig } from "./config.ts";
import { toRevisionInput } from "./convert.ts";
import { newPackagerEvents, PACKAGER_EVENTS } from "./events.ts";
import { packagerHandler } from "./handler.ts";
import { Packages } from "./packages.ts";
import { contentKeyPeer } from "./peers.ts";
import { findUnreadable, packageRevision } from "./run.ts";
import { runShakaPackager } from "./shaka/run.ts";
import { openLeaseStore } from "./store/lease-store.ts";
import { openRevisionStore, PACKAGE_CHANGES_CHANNEL } from "./store/revision-store.ts";
import { PackagerWorker } from "./worker.ts";

export const packager = defineModule({
  name: "packager",
  summary: "Encrypted, adaptive packages of finished renditions",
  owns: ["package"],
  config: packagerConfig,
  serves: [PackagerService],
  routes: [],
  calls: [LicenseService],
  needs: ["postgres", "mezzanine", "packaged"],
  emits: PACKAGER_EVENTS,
  consumes: [RenditionsReadySchema, AssetDeletedSchema],
  migrations: new URL("./migrations/", import.meta.url),

  async open(host, config) {
    const { postgres: db, mezzanine, packaged, clock, log, inbox } = host;
    const store = openRevisionStore(db);
    const events = newPackagerEvents(host);
    const packages = new Packages({ db, store, inbox, clock });
    const packaging = {
      mezzanine,
      packaged,
      contentKeys: contentKeyPeer(host.dial(LicenseService)),
      runShaka: runShakaPackager,
      scratch: host.scratch,
      segmentMs: config.segment,
      timeLimitMs: config.timeLimit,
      log,
    };
    const worker = new PackagerWorker({
      db,
      leases: openLeaseStore(db),
      events,
      packageRevision: (run, signal) => packageRevision(packaging, run, signal),
      findUnreadable: (run, signal) => findUnreadable(packaging, run, signal),
      packaged,
      clock,
      log,
      leaseMs: config.lease,
      maxAttempts: config.maxAttempts,
      retryDelayMs: config.retryDelay,
      unavailableDelayMs: config.unavailableDelay,
      sweepEveryMs: config.sweepEvery,
    });
    return {
      services: [serve(PackagerService, packagerHandler(packages))],
      consumers: [
        consume(RenditionsReadySchema, (event, message) =>
          packages.accept(event.id, {
            assetId: requireId("assets", message.asset),
            revision: message.revision,
            version: event.version,
            input: toRevisionInput(message),
          }),
        ),
        consume(AssetDeletedSchema, (event, message) =>
          packages.deleteOf(event.id, requireId("assets", message.asset)),
        ),
      ],
      background: [
        ...Array.from({ length: config.concurrency }, (_, index) => ({
          name: `packager ${index + 1}`,
          run: (signal: AbortSignal) => worker.run(signal),
        })),
        { name: "sweep", run: (signal) => worker.runSweep(signal) },
        announcing("package changes", {
          db,
          clock,
          log,
          channel: PACKAGE_CHANGES_CHANNEL,
          tell: async (tx, limit) => {
            const changed = await store.takeUntold(tx, limit);
            for (const revision of changed) await events.changed(tx, revision);
            return changed.length;
          },
        }),
      ],
      ready: () => db.ping(),
    };
  },
});
