/**
 * Who works on which revision. Leases are measured by the database's clock, the only one that all processes share; a
 * lease that has run out is anybody's.
 */

import { randomBytes } from "node:crypto";
import { newId } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import type { Reason, Revision, RevisionOutput } from "../domain/revision.ts";
import { PACKAGE_CHANGES_CHANNEL } from "./revision-store.ts";
import { REVISION_COLUMNS, type RevisionRow, toRevision } from "./rows.ts";

/** A revision that this process may package until the lease runs out. */
export interface Lease {
  readonly id: string;
  /** 1 for the first run. */
  readonly attempt: number;
  /** The run's own folder below the revision's: eight hex digits. */
  readonly folder: string;
  readonly revision: Revision;
}

/** A folder that nothing refers to and nobody writes to any more. */
export interface LooseFolder {
  readonly packageId: string;
  readonly revision: number;
  readonly folder: string;
}

export interface LeaseStore {
  /** The next revision to work on, the quick first ones before others; undefined where there is none now. */
  take(leaseMs: number): Promise<Lease | undefined>;
  /** False where the lease was lost: the work must stop. */
  renew(lease: Lease, leaseMs: number): Promise<boolean>;
  /** False where the lease was lost: nothing has changed then. */
  succeed(tx: Tx, lease: Lease, output: RevisionOutput, at: Date): Promise<boolean>;
  fail(tx: Tx, lease: Lease, failure: Reason): Promise<boolean>;
  /**
   * Gives it back, to be taken after the delay. `counts` says whether the run counts as one of the allowed ones, and
   * `waiting` what it waits for, if anything. It is no news where it waited for the same before.
   */
  giveBack(
    lease: Lease,
    delayMs: number,
    counts: "counts" | "does not count",
    waiting?: Reason,
  ): Promise<{ readonly isNews: boolean }>;
  looseFolders(limit: number): Promise<LooseFolder[]>;
  /** Forgets a folder whose objects are gone. */
  forget(folder: LooseFolder): Promise<void>;
}

const MS = "* interval '1 millisecond'";

export function openLeaseStore(db: Db): LeaseStore {
  return {
    async take(leaseMs) {
      const leaseId = newId();
      const folder = randomBytes(4).toString("hex");
      return db.tx(async (tx) => {
        // Waits for whoever holds the row, which is for a moment: the commit that woke the worker wakes the announcer too,
        // and who passed over the row that it marks would not look again before the next poll.
        const rows = await tx.query<RevisionRow & { attempts: number }>(
          `update revisions set lease_id = $1, leased_until = now() + $2 ${MS}, attempts = attempts + 1
           where (package_id, revision) = (
             select package_id, revision from revisions
             where state = 'packaging' and run_after <= now() and (leased_until is null or leased_until <= now())
             order by revision > 0, run_after limit 1 for update)
           returning ${REVISION_COLUMNS}, attempts`,
          [leaseId, leaseMs],
        );
        const [row] = rows;
        if (row === undefined) return undefined;
        // In the same transaction: whatever a run may write is known before it writes.
        await tx.execute(
          "insert into attempts (package_id, revision, folder, lease_id, started_at) values ($1, $2, $3, $4, now())",
          [row.package_id, row.revision, folder, leaseId],
        );
        // And the other way round: an announcer that came second has passed over the row.
        await tx.query(`select pg_notify(current_schema() || '.${PACKAGE_CHANGES_CHANNEL}', '')`);
        return { id: leaseId, attempt: row.attempts, folder, revision: toRevision(row) };
      });
    },

    async renew(lease, leaseMs) {
      const renewed = await db.execute(
        `update revisions set leased_until = now() + $2 ${MS}
         where lease_id = $1 and state = 'packaging' and leased_until > now()`,
        [lease.id, leaseMs],
      );
      return renewed === 1;
    },

    async succeed(tx, lease, output, at) {
      const changed = await tx.execute(
        `update revisions
         set state = 'ready', output = $2, folder = $3, ready_at = $4, lease_id = null, leased_until = null, waiting = null
         where lease_id = $1 and state = 'packaging'`,
        [lease.id, JSON.stringify(output), lease.folder, at],
      );
      if (changed !== 1) return false;
      await tx.execute("delete from attempts where lease_id = $1", [lease.id]);
      // Whatever failed before it is not needed any more: nobody has to retry or to look at it.
      await tx.execute("delete from revisions where package_id = $1 and revision < $2 and state = 'failed'", [
        lease.revision.packageId,
        lease.revision.revision,
      ]);
      return true;
    },

    async fail(tx, lease, failure) {
      const changed = await tx.execute(
        `update revisions
         set state = 'failed', failure_reason = $2, failure_message = $3, lease_id = null, leased_until = null
         where lease_id = $1 and state = 'packaging'`,
        [lease.id, failure.reason, failure.message],
      );
      return changed === 1;
    },

    async giveBack(lease, delayMs, counts, waiting) {
      const [row] = await db.query<{ readonly before: Reason | null }>(
        `update revisions r
         set lease_id = null, leased_until = null, run_after = now() + $2 ${MS}, attempts = r.attempts - $3::integer,
             waiting = $4
         from (select package_id, revision, waiting from revisions where lease_id = $1 for update) old
         where r.package_id = old.package_id and r.revision = old.revision and r.state = 'packaging'
         returning old.waiting as before`,
        [lease.id, delayMs, counts === "counts" ? 0 : 1, waiting === undefined ? null : JSON.stringify(waiting)],
      );
      return { isNews: row !== undefined && row.before?.reason !== waiting?.reason };
    },

    async looseFolders(limit) {
      const rows = await db.query<{ package_id: string; revision: number; folder: string }>(
        `select package_id, revision, folder from attempts a
         where not exists (
           select from revisions r
           where r.package_id = a.package_id and r.revision = a.revision and r.lease_id = a.lease_id
             and r.leased_until > now())
         order by started_at limit $1`,
        [limit],
      );
      return rows.map((row) => ({ packageId: row.package_id, revision: row.revision, folder: row.folder }));
    },

    async forget({ packageId, revision, folder }) {
      await db.execute("delete from attempts where package_id = $1 and revision = $2 and folder = $3", [
        packageId,
        revision,
        folder,
      ]);
    },
  };
}
