/** Rows of the packager schema to domain values. */

import type { Reason, Revision, RevisionInput, RevisionOutput } from "../domain/revision.ts";

export type RevisionRow = {
  readonly package_id: string;
  readonly revision: number;
  readonly asset_id: string;
  readonly state: Revision["state"];
  readonly input: RevisionInput;
  readonly output: RevisionOutput | null;
  readonly failure_reason: string | null;
  readonly failure_message: string | null;
  readonly waiting: Reason | null;
  readonly created_at: Date;
  readonly ready_at: Date | null;
};

export const REVISION_COLUMNS = `package_id, revision, asset_id, state, input, output, failure_reason, failure_message,
  case when state = 'packaging' and lease_id is null then waiting end as waiting, created_at, ready_at`;

export function toRevision(row: RevisionRow): Revision {
  return {
    packageId: row.package_id,
    assetId: row.asset_id,
    revision: row.revision,
    state: row.state,
    input: row.input,
    output: row.output ?? undefined,
    failure:
      row.failure_reason === null ? undefined : { reason: row.failure_reason, message: row.failure_message ?? "" },
    waiting: row.waiting ?? undefined,
    createdAt: row.created_at,
    readyAt: row.ready_at ?? undefined,
  };
}
