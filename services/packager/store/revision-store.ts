/** Packages and their revisions, as readers and as events change them. */

import { newId } from "#pkg/clock/clock";
import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { Revision, RevisionInput } from "../domain/revision.ts";
import { REVISION_COLUMNS, type RevisionRow, toRevision } from "./rows.ts";

export interface RevisionPosition {
  readonly createdAt: Date;
  readonly packageId: string;
  readonly revision: number;
}

export interface RevisionStore {
  /**
   * Takes in a set of tracks. A revision that is not ready starts over with a newer set, also while it is being packaged:
   * whoever does that has lost the lease. Nothing happens for a deleted asset, for an older set, and once it is ready.
   */
  accept(
    tx: Tx,
    of: { assetId: string; revision: number; input: RevisionInput; version: bigint; at: Date },
  ): Promise<void>;
  /** `revision` undefined means the newest that is ready. */
  find(packageId: string, revision: number | undefined): Promise<Revision | undefined>;
  /** Newest first. */
  list(
    filter: { readonly assetId: string | undefined },
    page: { readonly limit: number; readonly after: RevisionPosition | undefined },
  ): Promise<Revision[]>;
  /** Revisions that changed since they were last told of, locked and marked as told. */
  takeUntold(tx: Tx, limit: number): Promise<Revision[]>;
  /** Starts a failed revision over; undefined where it is in another state. */
  retry(packageId: string, revision: number): Promise<Revision | undefined>;
  /** Removes every revision and remembers that the asset is gone; their folders are left to the sweep. */
  deleteAsset(tx: Tx, assetId: string, at: Date): Promise<void>;
}

/** Hints that a revision changed its state. */
export const PACKAGE_CHANGES_CHANNEL = "package_changes";

/** Wakes the workers of every process once the transaction has committed. */
async function notifyWorkers(tx: Queryable): Promise<void> {
  await tx.query("select pg_notify(current_schema() || '.revisions', '')");
}

export function openRevisionStore(db: Db): RevisionStore {
  return {
    async accept(tx, { assetId, revision, input, version, at }) {
      await tx.execute("insert into packages (id, asset_id, created_at) values ($1, $2, $3) on conflict do nothing", [
        newId(),
        assetId,
        at,
      ]);
      const [found] = await tx.query<{ id: string; deleted_at: Date | null }>(
        "select id, deleted_at from packages where asset_id = $1 for update",
        [assetId],
      );
      if (found === undefined || found.deleted_at !== null) return;
      await tx.execute(
        `insert into revisions (package_id, revision, asset_id, state, input, input_version, created_at, run_after)
         values ($1, $2, $3, 'packaging', $4, $5, $6, now())
         on conflict (package_id, revision) do update
         set state = 'packaging', input = excluded.input, input_version = excluded.input_version, attempts = 0,
             run_after = now(), lease_id = null, leased_until = null, waiting = null,
             failure_reason = null, failure_message = null
         where revisions.state <> 'ready' and revisions.input_version < excluded.input_version`,
        [found.id, revision, assetId, JSON.stringify(input), version, at],
      );
      await notifyWorkers(tx);
    },

    async find(packageId, revision) {
      const rows = await db.query<RevisionRow>(
        `select ${REVISION_COLUMNS} from revisions
         where package_id = $1 and case when $2::integer is null then state = 'ready' else revision = $2 end
         order by revision desc limit 1`,
        [packageId, revision ?? null],
      );
      return rows.map(toRevision)[0];
    },

    async list({ assetId }, { limit, after }) {
      const rows = await db.query<RevisionRow>(
        `select ${REVISION_COLUMNS} from revisions
         where ($1::uuid is null or asset_id = $1)
           and ($2::timestamptz is null or (created_at, package_id, revision) < ($2, $3::uuid, $4::integer))
         order by created_at desc, package_id desc, revision desc limit $5`,
        [assetId ?? null, after?.createdAt ?? null, after?.packageId ?? null, after?.revision ?? null, limit],
      );
      return rows.map(toRevision);
    },

    async takeUntold(tx, limit) {
      const rows = await tx.query<RevisionRow>(
        `with next as materialized (
           select package_id, revision from revisions where told_version < version
           order by package_id, revision limit $1 for update skip locked)
         update revisions set told_version = version
         where (package_id, revision) in (select package_id, revision from next)
         returning ${REVISION_COLUMNS}`,
        [limit],
      );
      return rows.map(toRevision);
    },

    async retry(packageId, revision) {
      return db.tx(async (tx) => {
        const rows = await tx.query<RevisionRow>(
          `update revisions
           set state = 'packaging', attempts = 0, run_after = now(), failure_reason = null, failure_message = null
           where package_id = $1 and revision = $2 and state = 'failed'
           returning ${REVISION_COLUMNS}`,
          [packageId, revision],
        );
        await notifyWorkers(tx);
        return rows.map(toRevision)[0];
      });
    },

    async deleteAsset(tx, assetId, at) {
      await tx.execute(
        `insert into packages (id, asset_id, created_at, deleted_at) values ($1, $2, $3, $3)
         on conflict (asset_id) do update set deleted_at = coalesce(packages.deleted_at, excluded.deleted_at)`,
        [newId(), assetId, at],
      );
      await tx.execute(
        `with gone as (delete from revisions where asset_id = $1 returning package_id, revision, folder)
         insert into attempts (package_id, revision, folder, lease_id, started_at)
         select package_id, revision, folder, $2, now() from gone where folder is not null`,
        [assetId, newId()],
      );
    },
  };
}
