/** What the license module says of its decisions: to the bus, the metrics and the log. */

import type { DescMessage } from "@bufbuild/protobuf";
import { LicenseIssuedSchema, LicenseRefusedSchema } from "#gen/matinee/license/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { toRecordProto } from "./convert.ts";
import { toKid } from "./domain/content-key.ts";
import type { LicenseRecord } from "./domain/record.ts";

export interface LicenseEvents {
  /** Call it in the transaction that adds the record. */
  decided(tx: Tx, record: LicenseRecord): Promise<void>;
}

type Emitted = typeof LicenseIssuedSchema | typeof LicenseRefusedSchema;

export function newLicenseEvents(host: {
  readonly outbox: Outbox<Emitted & DescMessage>;
  readonly metrics: Metrics;
  readonly log: Logger;
}): LicenseEvents {
  const licenses = host.metrics.counter("matinee_licenses_total", "Licence requests by outcome", ["system", "outcome"]);
  return {
    async decided(tx, record) {
      const message = { record: toRecordProto(record) };
      const key = record.playSessionId ?? record.id;
      if (record.refusalReason === undefined) await host.outbox.emit(tx, LicenseIssuedSchema, message, key);
      else await host.outbox.emit(tx, LicenseRefusedSchema, message, key);
      tx.afterCommit(() => {
        licenses.add(1, { system: record.keySystem, outcome: record.refusalReason ?? "issued" });
        const fields = {
          recordId: record.id,
          system: record.keySystem,
          reason: record.refusalReason,
          playSessionId: record.playSessionId,
          assetId: record.assetId,
          issued: record.issuedKeyIds.map(toKid),
        };
        host.log.info(fields, record.refusalReason === undefined ? "licence issued" : "licence refused");
      });
    },
  };
}
