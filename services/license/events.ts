/** What the license module says of its decisions: to the bus, the metrics and the log. */

import type { DescMessage } from "@bufbuild/protobuf";
import { LicenseIssuedSchema, LicenseRefusedSchema } from "#gen/matinee/license/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Clock } from "#pkg/clock/clock";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { toProtoRecord } from "./convert.ts";
import { toKid } from "./domain/content-key.ts";
import type { KeySystem, LicenseRecord } from "./domain/record.ts";

export interface LicenseEvents {
  /** Call it in the transaction that adds the record. */
  decided(tx: Tx, record: LicenseRecord): Promise<void>;
  /** A request without a token that could be read: counted, and said in the log now and then. */
  unreadable(system: KeySystem, reason: string): void;
  /** A play was refused that has many rows that say so already: counted only. */
  refusedAgain(system: KeySystem, reason: string): void;
  renewed(system: KeySystem, playSessionId: string): void;
  /** Something was answered that holds no key: counted only. */
  replied(system: KeySystem): void;
}

/** A flood of them is one line a minute. */
const SAY_EVERY_MS = 60_000;

type Emitted = typeof LicenseIssuedSchema | typeof LicenseRefusedSchema;

export function newLicenseEvents(host: {
  readonly outbox: Outbox<Emitted & DescMessage>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}): LicenseEvents {
  const licenses = host.metrics.counter("matinee_licenses_total", "Licence requests by outcome", ["system", "outcome"]);
  const unreadable = { count: 0, saidAtMs: Number.NEGATIVE_INFINITY };
  return {
    refusedAgain: (system, reason) => licenses.add(1, { system, outcome: reason }),

    unreadable(system, reason) {
      licenses.add(1, { system, outcome: reason });
      unreadable.count += 1;
      const nowMs = host.clock.now().getTime();
      if (nowMs - unreadable.saidAtMs < SAY_EVERY_MS) return;
      host.log.info({ system, reason, count: unreadable.count }, "licences refused to tokens that cannot be read");
      unreadable.count = 0;
      unreadable.saidAtMs = nowMs;
    },

    replied: (system) => licenses.add(1, { system, outcome: "replied" }),

    renewed(system, playSessionId) {
      licenses.add(1, { system, outcome: "renewed" });
      host.log.debug({ system, playSessionId }, "licence renewed");
    },

    async decided(tx, record) {
      // Where somebody was is for the audit log, which forgets it; an event may be kept by whoever hears it.
      const message = { record: toProtoRecord({ ...record, remoteAddress: "" }) };
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
