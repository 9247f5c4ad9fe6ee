/** The audit log: rows are only ever added, but for who an erased account was. */

import type { Db, Tx } from "#pkg/postgres/db";
import { keepMonths } from "#pkg/postgres/months";
import type { LicenseRecord } from "../domain/record.ts";
import { type LicenseRecordRow, toRecord } from "./rows.ts";

export interface RecordFilter {
  readonly assetId: string | undefined;
  readonly playSessionId: string | undefined;
}

export interface RecordStore {
  add(tx: Tx, record: LicenseRecord): Promise<void>;
  /** Makes partitions ahead of time and drops the months that are older than the retention; says which. */
  keepMonths(
    now: Date,
    retentionMs: number,
  ): Promise<{ readonly made: readonly string[]; readonly dropped: readonly string[] }>;
  /** Takes out of the rows who an erased account was, also of those that come late, and leaves what was decided. */
  forgetAccount(accountId: string): Promise<void>;
  /** Newest first, after the record with this time and id. */
  list(
    filter: RecordFilter,
    page: { readonly limit: number; readonly after: { readonly createdAt: Date; readonly id: string } | undefined },
  ): Promise<LicenseRecord[]>;
}

const COLUMNS = `id, created_at, key_system, refusal_reason, play_session_id, account_id, asset_id, requested_key_ids,
  issued_key_ids, remote_address, trace_id`;

export function openRecordStore(db: Db): RecordStore {
  return {
    async add(tx, record) {
      await tx.execute(
        `insert into license_records (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8::bytea[], $9::bytea[], $10, $11)`,
        [
          record.id,
          record.createdAt,
          record.keySystem,
          record.refusalReason ?? null,
          record.playSessionId ?? null,
          record.accountId ?? null,
          record.assetId ?? null,
          record.requestedKeyIds.map((keyId) => Buffer.from(keyId)),
          record.issuedKeyIds.map((keyId) => Buffer.from(keyId)),
          record.remoteAddress,
          record.traceId,
        ],
      );
    },

    keepMonths: (now, retentionMs) =>
      keepMonths(db, { table: "license_records", column: "created_at", now, retentionMs }),

    async forgetAccount(accountId) {
      await db.tx(async (tx) => {
        await tx.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [accountId]);
        await tx.execute("insert into erased_accounts (account_id) values ($1) on conflict do nothing", [accountId]);
        await tx.execute(
          "update license_records set account_id = null, remote_address = '', trace_id = '' where account_id = $1",
          [accountId],
        );
      });
    },

    // The comparison of the time alone leaves out partitions; that of the pair does not.
    async list(filter, page) {
      const rows = await db.query<LicenseRecordRow>(
        `select ${COLUMNS} from license_records
         where ($1::text is null or asset_id = $1) and ($2::text is null or play_session_id = $2)
           and ($3::timestamptz is null or (created_at <= $3 and (created_at, id) < ($3, $4::uuid)))
         order by created_at desc, id desc limit $5`,
        [
          filter.assetId ?? null,
          filter.playSessionId ?? null,
          page.after?.createdAt ?? null,
          page.after?.id ?? null,
          page.limit,
        ],
      );
      return rows.map(toRecord);
    },
  };
}
