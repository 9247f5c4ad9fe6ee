/** How far the jobs on screen are: one stream while the page is looked at, none for tabs in the background. */

import { type Job, Job_State } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "@matinee/sdk/gen/matinee/transcode/v1/transcode_service_pb";
import { follow } from "@matinee/sdk/stream";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useApp } from "../app-context.ts";

/** The contract's limit; a screen shows fewer. */
const MAX_WATCHED = 100;

export interface Jobs {
  /** The newest that is known of the job. */
  readonly newest: (job: Job) => Job;
  /** Shows this at once, such as the answer of a change. */
  readonly put: (job: Job) => void;
}

/** Follows those of the jobs that have not ended. */
export function useJobs(jobs: readonly Job[]): Jobs {
  const { platform } = useApp();
  const isSeen = useSyncExternalStore(onVisibility, () => document.visibilityState === "visible");
  const [told, setTold] = useState<ReadonlyMap<string, Job>>(new Map());
  const put = (job: Job) => setTold((before) => new Map(before).set(job.name, job));
  const newest = (job: Job) => {
    const live = told.get(job.name);
    return live !== undefined && Number(live.etag) >= Number(job.etag) ? live : job;
  };
  const names = jobs
    .map(newest)
    .filter(({ state }) => state === Job_State.QUEUED || state === Job_State.RUNNING)
    .map(({ name }) => name)
    .slice(0, MAX_WATCHED);
  const watched = isSeen ? names.toSorted().join() : "";

  useEffect(() => {
    if (watched === "") return;
    const stop = new AbortController();
    const open = async function* (signal: AbortSignal): AsyncGenerator<Job | undefined> {
      const request = { names: watched.split(",") };
      for await (const { job } of platform.client(TranscodeService).watchJobs(request, { signal })) yield job;
    };
    void (async () => {
      // It ends when every job has: the films say what comes after that.
      const stream = follow({ open, signal: stop.signal, isOver: () => true });
      for await (const job of stream) if (job !== undefined) setTold((before) => new Map(before).set(job.name, job));
    })().catch(() => undefined);
    return () => stop.abort();
  }, [platform, watched]);

  return { newest, put };
}

function onVisibility(changed: () => void): () => void {
  document.addEventListener("visibilitychange", changed);
  return () => document.removeEventListener("visibilitychange", changed);
}
