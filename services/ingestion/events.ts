/** What ingestion tells the others: the event, the counter and the log line of each fact, in one place. */

import {
  AssetChangedSchema,
  AssetDeletedSchema,
  AssetIngestedSchema,
  AssetRejectedSchema,
} from "#gen/matinee/ingestion/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { toAssetChanged, toAssetDeleted, toAssetIngested, toAssetRejected } from "./convert.ts";
import type { Asset, IngestedAsset, Rejection } from "./domain/asset.ts";
import type { Upload } from "./domain/upload.ts";

export interface IngestionEvents {
  uploadCreated(tx: Tx, upload: Upload): void;
  uploadCompleted(tx: Tx, upload: Upload): void;
  uploadAborted(tx: Tx, upload: Upload): void;
  uploadExpired(tx: Tx, upload: Upload): void;
  /** Say it when it begins to wait, not at each try. */
  inspectionWaits(upload: Upload, waiting: Rejection): void;
  assetIngested(tx: Tx, asset: IngestedAsset): Promise<void>;
  assetRejected(tx: Tx, asset: Asset, rejection: Rejection): Promise<void>;
  assetDeleted(tx: Tx, asset: Asset): Promise<void>;
  /** For views: the asset as it is now, and the upload while it is not complete. */
  assetChanged(tx: Tx, asset: Asset, upload: Upload | undefined): Promise<void>;
}

export const INGESTION_EVENTS = [
  AssetIngestedSchema,
  AssetRejectedSchema,
  AssetDeletedSchema,
  AssetChangedSchema,
] as const;

export function openIngestionEvents(options: {
  readonly outbox: Outbox<(typeof INGESTION_EVENTS)[number]>;
  readonly metrics: Metrics;
  readonly log: Logger;
}): IngestionEvents {
  const { outbox, log } = options;
  const uploads = options.metrics.counter("matinee_ingestion_uploads_total", "Uploads, by what happened", ["event"]);
  const assets = options.metrics.counter("matinee_ingestion_assets_total", "Assets, by what happened", [
    "event",
    "reason",
  ]);
  const bytes = options.metrics.counter("matinee_ingestion_ingested_bytes_total", "Length of the ingested originals");

  const aboutUpload = (event: string, message: string) => (tx: Tx, upload: Upload) =>
    tx.afterCommit(() => {
      uploads.add(1, { event });
      log.info({ uploadId: upload.id, assetId: upload.assetId, sizeBytes: upload.sizeBytes }, message);
    });

  return {
    uploadCreated: aboutUpload("created", "upload created"),
    uploadCompleted: aboutUpload("completed", "upload completed"),
    uploadAborted: aboutUpload("aborted", "upload aborted"),
    uploadExpired: aboutUpload("expired", "upload expired"),

    inspectionWaits(upload, waiting) {
      assets.add(1, { event: "waits", reason: waiting.reason });
      log.warn({ uploadId: upload.id, assetId: upload.assetId, ...waiting }, "an inspection waits for space");
    },

    async assetIngested(tx, asset) {
      await outbox.emit(tx, AssetIngestedSchema, toAssetIngested(asset), asset.id);
      tx.afterCommit(() => {
        assets.add(1, { event: "ingested", reason: "" });
        bytes.add(asset.sizeBytes);
        log.info({ assetId: asset.id, sizeBytes: asset.sizeBytes, sha256: asset.sha256 }, "asset ingested");
      });
    },

    async assetRejected(tx, asset, rejection) {
      await outbox.emit(tx, AssetRejectedSchema, toAssetRejected(asset, rejection), asset.id);
      tx.afterCommit(() => {
        assets.add(1, { event: "rejected", reason: rejection.reason });
        log.info({ assetId: asset.id, reason: rejection.reason }, "asset rejected");
      });
    },

    async assetDeleted(tx, asset) {
      await outbox.emit(tx, AssetDeletedSchema, toAssetDeleted(asset), asset.id);
      tx.afterCommit(() => {
        assets.add(1, { event: "deleted", reason: "" });
        log.info({ assetId: asset.id }, "asset deleted");
      });
    },

    async assetChanged(tx, asset, upload) {
      await outbox.emit(tx, AssetChangedSchema, toAssetChanged(asset, upload), asset.id);
    },
  };
}
