/** What the packager says of its work: to the bus, the metrics and the log. */

import { AssetPackagedSchema, PackageChangedSchema, PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { packageName, toProtoBlob, toProtoPackage } from "./convert.ts";
import type { Reason, Revision } from "./domain/revision.ts";

export interface PackagerEvents {
  /** Call it in the transaction that makes the revision ready. `tookMs` is the length of the last run. */
  packaged(tx: Tx, revision: Revision, tookMs: number): Promise<void>;
  /** Call it in the transaction that gives the revision up. */
  failed(tx: Tx, revision: Revision, failure: Reason, unreadable: readonly string[]): Promise<void>;
  /** Say it when it begins to wait, not at each try. */
  waits(revision: Revision, waiting: Reason): void;
  /** For views: the revision as it is now. Call it in the transaction that holds its lock. */
  changed(tx: Tx, revision: Revision): Promise<void>;
}

export const PACKAGER_EVENTS = [AssetPackagedSchema, PackageFailedSchema, PackageChangedSchema] as const;

const SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1800];

export function newPackagerEvents(host: {
  readonly outbox: Outbox<(typeof PACKAGER_EVENTS)[number]>;
  readonly metrics: Metrics;
  readonly log: Logger;
}): PackagerEvents {
  const revisions = host.metrics.counter("matinee_packages_total", "Package revisions by outcome", ["outcome"]);
  const seconds = host.metrics.histogram("matinee_packaging_seconds", "Length of a successful run", SECONDS);
  return {
    async packaged(tx, revision, tookMs) {
      const { input, output } = revision;
      await host.outbox.emit(
        tx,
        AssetPackagedSchema,
        {
          package: toProtoPackage(revision),
          owner: input.owner,
          fileName: input.fileName,
          posters: input.posters.map(toProtoBlob),
        },
        revision.assetId,
      );
      tx.afterCommit(() => {
        revisions.add(1, { outcome: "ready" });
        seconds.record(tookMs / 1000);
        const fields = { ...ids(revision), tracks: output?.files.length, sizeBytes: output?.sizeBytes, tookMs };
        host.log.info(fields, "asset packaged");
      });
    },

    async failed(tx, revision, failure, unreadable) {
      const { owner, fileName } = revision.input;
      await host.outbox.emit(
        tx,
        PackageFailedSchema,
        {
          asset: `assets/${revision.assetId}`,
          package: packageName(revision),
          revision: revision.revision,
          owner,
          fileName,
          reason: failure.reason,
          message: failure.message,
          unreadableTracks: revision.input.tracks
            .filter(({ id }) => unreadable.includes(id))
            .map(({ id, blob }) => ({ track: id, sha256: blob.sha256 })),
        },
        revision.assetId,
      );
      tx.afterCommit(() => {
        revisions.add(1, { outcome: failure.reason });
        host.log.warn({ ...ids(revision), ...failure, unreadable }, "packaging failed for good");
      });
    },

    async changed(tx, revision) {
      const pack = { ...toProtoPackage(revision), manifests: [], tracks: [] };
      await host.outbox.emit(tx, PackageChangedSchema, { package: pack }, revision.assetId);
    },

    waits(revision, waiting) {
      revisions.add(1, { outcome: waiting.reason });
      host.log.warn({ ...ids(revision), ...waiting }, "packaging waits for space");
    },
  };
}

function ids(revision: Revision): object {
  return { assetId: revision.assetId, packageId: revision.packageId, revision: revision.revision };
}
