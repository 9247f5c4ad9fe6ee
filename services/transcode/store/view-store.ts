/** Jobs as they are shown: rows of tasks added up to progress. */

import type { Db, Row } from "#pkg/postgres/db";
import type { Job, RenditionState, Waiting } from "../domain/job.ts";
import { type JobView, progressOf, type RenditionView } from "../domain/progress.ts";
import { JOB_COLUMNS, type JobRow, type RenditionRow, toJob, toRendition } from "./rows.ts";

export interface ViewStore {
  /** In the order of `jobs`. */
  views(jobs: readonly Job[], now: Date): Promise<JobView[]>;
  /** Jobs with these ids, and all that have not ended where `open` is true. */
  watched(ids: readonly string[], open: "with-open" | "named-only", now: Date): Promise<JobView[]>;
}

interface WorkRow extends Row {
  readonly job_id: string;
  readonly total_cost: number;
  readonly done_cost: number;
  readonly timed_cost: number;
  readonly timed_seconds: number;
  readonly active_workers: string;
  readonly speed: number;
  readonly waiting: Waiting | null;
}

interface TrackRow extends RenditionRow {
  readonly share: number | null;
  readonly has_begun: boolean | null;
}

export function openViewStore(db: Db): ViewStore {
  async function views(jobs: readonly Job[], now: Date): Promise<JobView[]> {
    if (jobs.length === 0) return [];
    const ids = jobs.map((job) => job.id);
    const [works, tracks] = await Promise.all([
      db.query<WorkRow>(
        `select t.job_id,
           coalesce(sum(t.cost), 0) as total_cost,
           coalesce(sum(t.cost * t.fraction), 0) as done_cost,
           coalesce(sum(t.cost * t.fraction) filter (where t.leased_at >= j.attempt_started_at), 0) as timed_cost,
           coalesce(sum(extract(epoch from coalesce(t.ended_at, $2) - t.leased_at))
             filter (where t.leased_at >= j.attempt_started_at), 0)::double precision as timed_seconds,
           count(*) filter (where t.state = 'leased') as active_workers,
           coalesce(sum(t.speed) filter (where t.state = 'leased' and t.kind = 'encode_video'), 0) as speed,
           (array_agg(t.waiting) filter (where t.state = 'ready' and t.waiting is not null))[1] as waiting
         from tasks t join jobs j on j.id = t.job_id
         where t.job_id = any($1::uuid[]) group by t.job_id`,
        [ids, now],
      ),
      db.query<TrackRow>(
        `select r.job_id, r.track_id, r.track, r.is_early, r.state, r.blob, r.frame_count, r.redone, w.share, w.has_begun
         from renditions r
         left join lateral (
           select sum(t.cost * t.fraction) / nullif(sum(t.cost), 0) as share,
                  bool_or(t.state in ('leased', 'done')) as has_begun
           from tasks t where t.job_id = r.job_id and r.track_id = any(t.tracks)
         ) w on true
         where r.job_id = any($1::uuid[]) and r.state <> 'dropped'
         order by r.job_id, r.position`,
        [ids],
      ),
    ]);
    const workOf = new Map(works.map((row) => [row.job_id, row]));
    const tracksOf = new Map(ids.map((id) => [id, tracks.filter((row) => row.job_id === id)]));
    return jobs.map((job) => {
      const work = workOf.get(job.id);
      return {
        job,
        progress: progressOf(job.state, {
          totalCost: work?.total_cost ?? 0,
          doneCost: work?.done_cost ?? 0,
          timedCost: work?.timed_cost ?? 0,
          timedSeconds: work?.timed_seconds ?? 0,
          activeWorkers: Number(work?.active_workers ?? 0),
          speed: work?.speed ?? 0,
        }),
        renditions: (tracksOf.get(job.id) ?? []).map((row) => toView(row, job)),
        waiting: work?.waiting ?? undefined,
      };
    });
  }

  return {
    views,

    async watched(ids, open, now) {
      const rows = await db.query<JobRow>(
        `select ${JOB_COLUMNS} from jobs
         where id = any($1::uuid[]) or ($2 and state in ('queued', 'running')) order by id desc`,
        [ids, open === "with-open"],
      );
      return views(rows.map(toJob), now);
    },
  };
}

function toView(row: TrackRow, job: Job): RenditionView {
  const { track, blob } = toRendition(row);
  const isReady = row.state === "ready";
  const isRunning = row.has_begun === true && job.state === "running";
  const state: Record<RenditionState, RenditionView["state"]> = {
    ready: "ready",
    failed: "failed",
    pending: isRunning ? "running" : "pending",
    dropped: "pending",
  };
  return {
    track,
    state: state[row.state as RenditionState],
    percent: isReady ? 100 : Math.min(99.9, Math.round((row.share ?? 0) * 1000) / 10),
    sizeBytes: blob?.sizeBytes ?? 0,
  };
}
