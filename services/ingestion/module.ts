/** Ingestion: takes film files in, verifies, probes and archives them. */

import { TitlePublishedSchema, TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { idOf, requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import type { MediaLimits } from "#pkg/media/limits";
import { openTools } from "#pkg/media/tools";
import { announcing } from "#pkg/work/announcing";
import { looping } from "#pkg/work/loop";
import { Assets } from "./assets.ts";
import { ingestionConfig } from "./config.ts";
import { INGESTION_EVENTS, openIngestionEvents } from "./events.ts";
import { ingestionHandler } from "./handler.ts";
import { Inspections } from "./inspections.ts";
import { probeMedia } from "./probe.ts";
import { ASSET_CHANGES_CHANNEL, openAssetStore } from "./store/asset-store.ts";
import { openPurgeStore, PURGES_CHANNEL } from "./store/purge-store.ts";
import { openShowingStore } from "./store/showing-store.ts";
import { INSPECTIONS_CHANNEL, openUploadStore } from "./store/upload-store.ts";
import { sweep } from "./sweep.ts";
import { Uploads } from "./uploads.ts";

export const ingestion = defineModule({
  name: "ingestion",
  summary: "Takes film files in, verifies, probes and archives them",
  owns: ["asset", "original", "upload"],
  config: ingestionConfig,
  serves: [IngestionService],
  routes: [],
  calls: [],
  needs: ["postgres", "originals"],
  emits: INGESTION_EVENTS,
  consumes: [TitlePublishedSchema, TitleUnpublishedSchema],
  migrations: new URL("./migrations/", import.meta.url),
  async open(host, config) {
    const { postgres: db, originals, clock, log } = host;
    await openTools(["ffprobe"], [], log);
    const shared = {
      db,
      originals,
      clock,
      log,
      assets: openAssetStore(db),
      uploads: openUploadStore(db),
      purges: openPurgeStore(db),
      showings: openShowingStore(db),
      events: openIngestionEvents({ outbox: host.outbox, metrics: host.metrics, log }),
    };
    const uploads = new Uploads({
      ...shared,
      partSizeBytes: config.partSizeBytes,
      uploadTtlMs: config.uploadTtl,
      signedUrlTtlMs: config.signedUrlTtl,
      quota: {
        openUploads: config.accountOpenUploads,
        openBytes: config.accountOpenBytes,
        storedBytes: config.accountStoredBytes,
      },
    });
    const limits: MediaLimits = {
      durationSeconds: config.maxFilmDuration / 1000,
      videoStreams: config.maxVideoStreams,
      audioStreams: config.maxAudioStreams,
      textStreams: config.maxTextStreams,
      otherStreams: config.maxOtherStreams,
      descriptionBytes: config.maxDescriptionBytes,
      pictureSide: config.maxPictureSide,
      framesPerPicture: config.maxFramesPerPicture,
    };
    const inspections = new Inspections({
      ...shared,
      probe: (path, signal) => probeMedia(path, { signal, log, timeoutMs: config.probeTimeout, limits }),
      scratch: host.scratch,
      leaseMs: config.inspectionLease,
      maxAttempts: config.inspectionAttempts,
    });
    const loop = (name: string, channel: string, work: (signal: AbortSignal) => Promise<"again" | number>) =>
      looping(name, work, { ...host, listen: (wake, until) => db.listen(channel, wake, until) });
    return {
      services: [serve(IngestionService, ingestionHandler(uploads, new Assets(shared)))],
      // Each keeps the newest of a title, so that a repeated delivery changes nothing and no inbox is needed.
      consumers: [
        consume(TitlePublishedSchema, ({ version }, { title, displayTitle, asset }) =>
          shared.showings.told(
            { id: requireId("titles", title), displayTitle },
            { assetId: idOf("assets", asset), version },
          ),
        ),
        consume(TitleUnpublishedSchema, ({ version }, { title }) =>
          shared.showings.told({ id: requireId("titles", title), displayTitle: "" }, { assetId: undefined, version }),
        ),
      ],
      background: [
        ...Array.from({ length: config.inspections }, (_, i) =>
          loop(`inspection ${i + 1}`, INSPECTIONS_CHANNEL, (signal) => inspections.inspectNext(signal)),
        ),
        loop("sweep", PURGES_CHANNEL, () => sweep({ ...shared, uploads })),
        announcing("asset changes", {
          ...shared,
          channel: ASSET_CHANGES_CHANNEL,
          tell: async (tx, limit) => {
            const changed = await shared.assets.takeUntold(tx, limit);
            const own = await shared.uploads.findByAssets(
              tx,
              changed.map(({ id }) => id),
            );
            for (const asset of changed) {
              const upload = own.find(({ assetId }) => assetId === asset.id);
              await shared.events.assetChanged(tx, asset, upload);
            }
            return changed.length;
          },
        }),
      ],
      ready: async () => {
        await Promise.all([db.ping(), originals.ping()]);
      },
    };
  },
});
