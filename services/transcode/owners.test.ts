/** Whose jobs are whose: a second creator sees, retries and cancels nothing of the first one's. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Client } from "@connectrpc/connect";
import { type Job, Job_State } from "#gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import { account, type Caller, creator, operator } from "#pkg/testkit/module";
import { Studio } from "./fixtures.ts";

/** Each method that names jobs. */
const CALLS = {
  getJob: (client, name) => client.getJob({ name }),
  watchJobs: async (client, name) => {
    for await (const { job } of client.watchJobs({ names: [name] })) if (job !== undefined) return job;
    throw new Error("the stream ended without a job");
  },
  retryJob: (client, name) => client.retryJob({ name }),
  cancelJob: (client, name) => client.cancelJob({ name }),
} satisfies Record<string, (client: Client<typeof TranscodeService>, name: string) => Promise<unknown>>;

describe("jobs of a creator", () => {
  let studio: Studio;
  let job: Job;

  before(async () => {
    studio = await Studio.open({ TRANSCODE_KEEP_ALIVE: "1s" });
    const asset = await studio.ingest({ seconds: 4 });
    job = await eventually("a job is planned", () => studio.jobOf(asset));
  });
  after(() => studio?.[Symbol.asyncDispose]());

  const as = (caller: Caller) => studio.platform.client(TranscodeService, { as: caller });

  it("are covered here method by method", () => {
    const named = TranscodeService.methods.filter(({ input }) =>
      input.fields.some(({ name }) => /^names?$/.test(name)),
    );
    assert.deepEqual(named.map(({ localName }) => localName).sort(), Object.keys(CALLS).sort());
  });

  for (const [method, call] of Object.entries(CALLS)) {
    it(`are not there for another one, nor for an operator without the permission: ${method}`, async () => {
      const other = operator([]) as Extract<Caller, { kind: "user" }>;
      for (const caller of [creator(), { ...other, roles: ["creator", "operator"] } satisfies Caller]) {
        const refusal = (name: string) => call(as(caller), name).then(() => assert.fail("let through"), String);
        assert.equal(await refusal(job.name), await refusal(`jobs/${randomUUID()}`));
      }
      assert.equal((await studio.jobs.getJob({ name: job.name })).job?.state, Job_State.QUEUED);
      for (const caller of [operator(["titles.write"]), account()]) {
        await assert.rejects(call(as(caller), job.name), (error) => {
          return isAppError(error, "PERMISSION_MISSING") || isAppError(error, "ACCESS_DENIED");
        });
      }
    });
  }

  it("are in nobody else's list or stream, also where they are asked for by their asset", async () => {
    const stranger = as(creator());
    for (const request of [{}, { asset: job.asset }]) assert.deepEqual((await stranger.listJobs(request)).jobs, []);
    const stream = stranger.watchJobs({})[Symbol.asyncIterator]();
    await studio.jobs.cancelJob({ name: job.name });
    for (let count = 0; count < 2; count++) assert.equal((await stream.next()).value?.job, undefined);
    await stream.return?.();
  });
});
