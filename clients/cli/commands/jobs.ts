/** `matinee jobs`: list, watch, retry, cancel. */

import { toJson } from "@bufbuild/protobuf";
import { type Job, Job_State, JobSchema } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "@matinee/sdk/gen/matinee/transcode/v1/transcode_service_pb";
import { hasEnded } from "@matinee/sdk/jobs";
import { follow } from "@matinee/sdk/stream";
import { toDate } from "@matinee/sdk/time";
import type { Context } from "../context.ts";
import { BadNews } from "../failure.ts";
import { newProgress } from "../progress.ts";
import { percent, stateName, table, when } from "../text.ts";
import { jobNote } from "./import.ts";
import { parseName, parseState } from "./names.ts";

const PAGE = 200;

export async function listJobs(context: Context, flags: { state?: string; limit: number }): Promise<void> {
  const state = flags.state === undefined ? Job_State.UNSPECIFIED : parseState(Job_State, flags.state);
  const client = (await context.platform()).client(TranscodeService);
  const jobs: Job[] = [];
  for (let pageToken = ""; jobs.length < flags.limit; ) {
    const page = await client.listJobs({ state, pageToken, pageSize: Math.min(PAGE, flags.limit - jobs.length) });
    jobs.push(...page.jobs);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  context.emit({ jobs: jobs.map((job) => toJson(JobSchema, job)) });
  if (jobs.length === 0) return context.say("No jobs. Import a film with: matinee import FILE");
  context.say(
    table(
      ["job", "state", "done", "film", "created", ""],
      jobs.map((job) => [
        job.name,
        stateName(Job_State, job.state),
        percent(job.progress?.percent ?? 0),
        job.fileName,
        when(toDate(job.createTime)),
        job.failure?.reason ?? (hasEnded(job) ? "" : jobNote(job)),
      ]),
    ),
  );
}

/** Ends when the named jobs have ended; fails where one of them failed. */
export async function watchJobs(context: Context, given: readonly string[]): Promise<void> {
  const names = given.map((name) => parseName("jobs", name));
  const client = (await context.platform()).client(TranscodeService);
  const last = new Map<string, Job>();
  const progress = context.json ? undefined : newProgress(context.io.out);
  const messages = follow({
    open: (signal) => client.watchJobs({ names }, { signal }),
    signal: context.signal,
    isOver: () => names.length > 0 && names.every((name) => isOver(last.get(name))),
  });
  for await (const { job } of messages) {
    if (job === undefined) continue;
    last.set(job.name, job);
    context.emit({ job: toJson(JobSchema, job) });
    const note = hasEnded(job) ? stateName(Job_State, job.state) : jobNote(job);
    progress?.set(job.fileName.slice(0, 24), (job.progress?.percent ?? 0) / 100, note);
    if (names.length > 0 && names.every((name) => isOver(last.get(name)))) break;
  }
  progress?.end();
  const failed = [...last.values()].filter(({ name, state }) => names.includes(name) && state === Job_State.FAILED);
  for (const { fileName, failure } of failed) {
    context.say(`\n${fileName}: ${failure?.message ?? "failed"} (${failure?.reason ?? ""})\n${failure?.logTail ?? ""}`);
  }
  if (failed.length > 0) throw new BadNews("a job failed");
}

export async function retryJob(context: Context, given: string): Promise<void> {
  const name = parseName("jobs", given);
  const { job } = await (await context.platform()).client(TranscodeService).retryJob({ name });
  context.emit({ job: job === undefined ? null : toJson(JobSchema, job) });
  context.say(`${name} runs again. Follow it with: matinee jobs watch ${name}`);
}

export async function cancelJob(context: Context, given: string): Promise<void> {
  const name = parseName("jobs", given);
  const { job } = await (await context.platform()).client(TranscodeService).cancelJob({ name });
  context.emit({ job: job === undefined ? null : toJson(JobSchema, job) });
  context.say(`${name} is cancelled.`);
}

function isOver(job: Job | undefined): boolean {
  return job !== undefined && hasEnded(job);
}
