/** The two services of transcode: what owners and operators ask about jobs, and what workers report. */

import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import type { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import { idOf, requireId } from "#pkg/aip/resource-name";
import type { Call, Handler } from "#pkg/rpc/call";
import { userOf } from "#pkg/rpc/principal";
import { fromJobState, fromTaskOutput, toProtoJob, toProtoTask } from "./convert.ts";
import type { Feed } from "./feed.ts";
import type { Jobs, Scope } from "./jobs.ts";
import type { Tasks } from "./tasks.ts";

export function transcodeHandler(jobs: Jobs, feed: Feed): Handler<typeof TranscodeService> {
  return {
    getJob: async (request, call) => ({
      job: toProtoJob(await jobs.get(requireId("jobs", request.name), scopeOf(call, "jobs.read"))),
    }),

    async listJobs(request, call) {
      const filter = { state: fromJobState(request.state), assetId: idOf("assets", request.asset) };
      const { items, nextPageToken } = await jobs.list(scopeOf(call, "jobs.read"), filter, request);
      return { jobs: items.map(toProtoJob), nextPageToken };
    },

    async *watchJobs(request, call) {
      const ids = request.names.map((name) => requireId("jobs", name));
      for await (const view of feed.watch(ids, scopeOf(call, "jobs.read"), call.signal)) {
        yield view === undefined ? {} : { job: toProtoJob(view) };
      }
    },

    retryJob: async (request, call) => ({
      job: toProtoJob(await jobs.retry(requireId("jobs", request.name), request.etag, scopeOf(call, "jobs.write"))),
    }),

    cancelJob: async (request, call) => ({
      job: toProtoJob(await jobs.cancel(requireId("jobs", request.name), request.etag, scopeOf(call, "jobs.write"))),
    }),
  };
}

export function workerHandler(tasks: Tasks, leaseMs: number): Handler<typeof WorkerService> {
  return {
    async leaseTask(request, call) {
      const task = await tasks.lease(request.worker, call.signal);
      return task === undefined ? {} : { task: toProtoTask(task) };
    },

    async reportProgress(request) {
      const { task, lease, fraction, speed } = request;
      const next = await tasks.report(requireId("tasks", task), lease, fraction, speed);
      return { shouldStop: next === "stop", leaseDuration: durationFromMs(leaseMs) };
    },

    async completeTask(request) {
      await tasks.complete(requireId("tasks", request.task), request.lease, request.outputs.map(fromTaskOutput));
      return {};
    },

    async failTask({ task, lease, reason, message, logTail, isRetryable, isGivenBack, isOutOfSpace }) {
      const retry = isGivenBack ? "free" : isOutOfSpace ? "waits" : isRetryable ? "counted" : "none";
      await tasks.fail(requireId("tasks", task), lease, { reason, message, logTail, retry });
      return {};
    },
  };
}

/** Operators with the permission reach every job, everyone else their own. */
function scopeOf(call: Call, permission: string): Scope {
  const user = userOf(call);
  const reachesAll = user.roles.includes("operator") && user.permissions.includes(permission);
  return reachesAll ? { kind: "all" } : { kind: "own", owner: `accounts/${user.accountId}` };
}
