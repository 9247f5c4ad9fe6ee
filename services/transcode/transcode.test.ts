import assert from "node:assert/strict";
import { PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { JobChangedSchema, RenditionsReadySchema, TranscodeFailedSchema } from "#gen/matinee/transcode/v1/events_pb";
import { type Job, Job_State, Rendition_State } from "#gen/matinee/transcode/v1/job_pb";
import type { Task } from "#gen/matinee/transcode/v1/task_pb";
import { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { creator, operator } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { describeTask, type Film, Studio, thiefModule } from "./fixtures.ts";

const BILINGUAL: Film = {
  audio: [{ language: "en", isDefault: true }, { language: "de" }],
  text: ["en"],
};

describe("transcode", function () {
  this.timeout(60_000);
  let studio: Studio;

  before(async () => {
    studio = await Studio.open({ TRANSCODE_LEASE: "2s", TRANSCODE_SPACE_DELAY: "20ms" });
  });
  after(() => studio[Symbol.asyncDispose]());

  const jobOf = (asset: string): Promise<Job> => eventually("a job is planned", () => studio.jobOf(asset));
  const stateOf = async (job: Job): Promise<Job_State | undefined> =>
    (await studio.jobs.getJob({ name: job.name })).job?.state;
  const readyOf = (asset: string, revision: number) =>
    studio.platform.nextEvent(RenditionsReadySchema, (event) => event.asset === asset && event.revision === revision);
  /** Leases until a task of the asset comes; only one asset has work in these tests. */
  const leaseAnd = async (kind: string): Promise<Task> => {
    for (;;) {
      const task = await studio.mustLease();
      if (describeTask(task).startsWith(kind)) return task;
      await studio.complete(task);
    }
  };
  const countFiles = async (assetId: string): Promise<number> => {
    let count = 0;
    for await (const _ of studio.stores.mezzanine.list(`${assetId}/`)) count += 1;
    return count;
  };
  const finish = async (): Promise<void> => void (await studio.work());

  it("makes a film watchable from a first look at the whole of it, then complete, each said once", async () => {
    const asset = await studio.ingest(BILINGUAL);
    const job = await jobOf(asset);
    assert.equal(job.state, Job_State.QUEUED);
    const tasks = await studio.work();

    const first = await readyOf(asset, 0);
    assert.equal(first.isComplete, false);
    assert.deepEqual(
      first.tracks.map(({ track }) => track?.id),
      ["video-240p", "audio-en-1", "text-en-3"],
    );
    assert.equal(first.posters.length, 1);
    const complete = await readyOf(asset, 1);
    assert.equal(complete.isComplete, true);
    assert.deepEqual(
      complete.tracks.map(({ track }) => track?.id),
      [
        ...["video-240p", "video-360p", "video-480p", "video-720p", "video-1080p"],
        ...["audio-en-1", "audio-de-2", "text-en-3"],
      ],
    );
    assert.ok(complete.tracks.every(({ track, frameCount }) => !track?.id.startsWith("video") || frameCount === 1439n));
    assert.equal(studio.platform.events(RenditionsReadySchema).filter((event) => event.asset === asset).length, 2);

    const names = tasks.map(describeTask);
    const lastLook = names.findLastIndex((name) => name.startsWith("look"));
    const firstChunk = names.findIndex((name) => name.startsWith("chunk"));
    assert.ok(lastLook < firstChunk, names.join(", "));
    assert.equal(names.filter((name) => name.startsWith("look")).length, 2);
    assert.ok(names.indexOf("join video-240p") < firstChunk, names.join(", "));
    const { job: ended } = await studio.jobs.getJob({ name: job.name });
    assert.equal(ended?.state, Job_State.SUCCEEDED);
    assert.equal(ended?.progress?.percent, 100);
    assert.ok(ended?.renditions.every(({ state }) => state === Rendition_State.READY));
    const told = await studio.platform.nextEvent(
      JobChangedSchema,
      (event) => event.job?.name === job.name && event.job.state === Job_State.SUCCEEDED,
    );
    assert.equal(told.job?.etag, ended?.etag);
    assert.equal(told.job?.asset, asset);
    assert.ok(told.job?.renditions.every(({ state }) => state === Rendition_State.READY));
  });

  it("makes one job for an asset, however often its event comes", async () => {
    const assetId = newId();
    await studio.ingest({ seconds: 4 }, assetId);
    await studio.ingest({ seconds: 4 }, assetId);
    const last = await studio.ingest({ seconds: 4 });
    await jobOf(last);
    await finish();
    const { jobs } = await studio.jobs.listJobs({ asset: `assets/${assetId}` });
    assert.equal(jobs.length, 1);
    assert.equal(jobs[0]?.state, Job_State.SUCCEEDED);
  });

  it("gives a silent worker's task to another, and the silent one's results to nobody", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const silent = await leaseAnd("look");
    const again = await eventually("the lease runs out", async () => {
      const task = await studio.lease("two");
      if (task?.name === silent.name) return task;
      if (task) await studio.complete(task);
      return undefined;
    });
    assert.notEqual(again.lease, silent.lease);
    await assert.rejects(studio.complete(silent), refused("TASK_LEASE_LOST"));
    const report = { task: silent.name, lease: silent.lease, fraction: 0.5, speed: 1 };
    assert.equal((await studio.workers.reportProgress(report)).shouldStop, true);
    await studio.complete(again);
    await finish();
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
  });

  it("keeps a task with the worker that reports, however long it takes", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const task = await leaseAnd("look");
    const until = Date.now() + 3000;
    for (let fraction = 0; Date.now() < until; fraction = Math.min(1, fraction + 0.05)) {
      const request = { task: task.name, lease: task.lease, fraction, speed: 2.5 };
      assert.equal((await studio.workers.reportProgress(request)).shouldStop, false);
      assert.notEqual((await studio.lease("two"))?.name, task.name);
    }
    const { job: seen } = await studio.jobs.getJob({ name: job.name });
    assert.ok((seen?.progress?.percent ?? 0) > 0);
    await studio.complete(task);
    await eventually("what the other worker held comes back", async () => {
      await finish();
      return (await stateOf(job)) === Job_State.SUCCEEDED;
    });
  });

  it("accepts the same results twice and ends the job once", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    for (;;) {
      const task = await studio.lease();
      if (task === undefined) break;
      const request = { task: task.name, lease: task.lease, outputs: await studio.make(task) };
      await Promise.all([1, 2, 3].map(() => studio.workers.completeTask(request)));
      await studio.workers.completeTask(request);
    }
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
    await readyOf(asset, 1);
    assert.equal(studio.platform.events(RenditionsReadySchema).filter((event) => event.asset === asset).length, 2);
  });

  it("refuses results that are not stored, too short, or another asset's", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const task = await leaseAnd("look");
    const [output] = await studio.make(task);
    assert.ok(output?.blob);
    const hand = (changed: object) =>
      studio.workers.completeTask({ task: task.name, lease: task.lease, outputs: [{ ...output, ...changed }] });
    const isInvalid = refused("TASK_OUTPUT_INVALID");
    await assert.rejects(hand({ frameCount: 1n }), isInvalid);
    await assert.rejects(hand({ track: "video-1080p" }), isInvalid);
    await assert.rejects(hand({ blob: { ...output.blob, key: `${newId()}/video-240p/x.mp4` } }), isInvalid);
    await assert.rejects(hand({ blob: { ...output.blob, key: `${asset.slice(7)}/video-240p/x.mp4` } }), isInvalid);
    await hand({});
    await finish();
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
  });

  it("tries a task three times, then fails the job with the reason and FFmpeg's last lines", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const task = await leaseAnd("look");
      await studio.workers.failTask({
        ...{ task: task.name, lease: task.lease, reason: "MEDIA_TOOL_FAILED", message: "ffmpeg failed (exit code 1)." },
        ...{ logTail: "x264 [error]: malloc failed", isRetryable: true },
      });
    }
    const failed = await studio.platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "MEDIA_TOOL_FAILED");
    const { job: seen } = await studio.jobs.getJob({ name: job.name });
    assert.equal(seen?.state, Job_State.FAILED);
    assert.equal(seen?.failure?.logTail, "x264 [error]: malloc failed");
    assert.equal(seen?.failure?.track, "video-240p");
    assert.equal(seen?.renditions[0]?.state, Rendition_State.FAILED);
    assert.equal(await studio.lease(), undefined);
  });

  it("fails at once where trying again is no use, and keeps what is stored when a person retries", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const before = await studio.work("one", (task) => describeTask(task).startsWith("chunk"));
    const task = await leaseAnd("chunk");
    await studio.workers.failTask({
      ...{ task: task.name, lease: task.lease, reason: "MEDIA_TRUNCATED", message: "The file is cut short." },
      isRetryable: false,
    });
    assert.equal(await stateOf(job), Job_State.FAILED);
    const { job: queued } = await studio.jobs.retryJob({ name: job.name });
    assert.equal(queued?.state, Job_State.QUEUED);
    assert.equal(queued?.attempt, 2);
    assert.equal(queued?.failure, undefined);
    const after = await studio.work();
    const repeated = after.map(describeTask).filter((name) => before.map(describeTask).includes(name));
    assert.deepEqual(repeated, []);
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
    await readyOf(asset, 1);
    const revisions = studio.platform.events(RenditionsReadySchema).filter((event) => event.asset === asset);
    assert.deepEqual(
      revisions.map(({ revision }) => revision),
      [0, 1],
    );
  });

  it("takes a task back from a worker that ends without counting an attempt", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    for (let turn = 0; turn < 5; turn++) {
      const task = await leaseAnd("look");
      await studio.workers.failTask({ task: task.name, lease: task.lease, reason: "WORKER_FAILED", isGivenBack: true });
    }
    await finish();
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
  });

  it("waits for room without counting attempts, shows what it waits for, and goes on by itself", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    for (let turn = 0; turn < 6; turn++) {
      const task = await eventually("the task is tried again", async () => {
        const next = await studio.lease();
        if (next === undefined || describeTask(next).startsWith("look")) return next;
        await studio.complete(next);
        return undefined;
      });
      const message = "There is no room left in the scratch folder of worker one.";
      await studio.workers.failTask({
        ...{ task: task.name, lease: task.lease, reason: "OUT_OF_SPACE", message, isOutOfSpace: true },
      });
      const { job: seen } = await studio.jobs.getJob({ name: job.name });
      assert.equal(seen?.state, Job_State.RUNNING);
      assert.deepEqual([seen?.waiting?.reason, seen?.waiting?.message], ["OUT_OF_SPACE", message]);
    }
    await eventually("the job has ended", async () => {
      await finish();
      return (await stateOf(job)) === Job_State.SUCCEEDED;
    });
    assert.equal((await studio.jobs.getJob({ name: job.name })).job?.waiting, undefined);
  });

  /** What the packager says when it gives up. */
  const failPackage = async (asset: string, tracks: string[]): Promise<void> => {
    const reason = "PACKAGER_FAILED";
    const sets = studio.platform.events(RenditionsReadySchema).filter((event) => event.asset === asset);
    const stored = sets.toReversed().flatMap((event) => event.tracks);
    const unreadableTracks = tracks.map((track) => {
      const sha256 = stored.find((one) => one.track?.id === track)?.blob?.sha256 ?? "";
      return { track, sha256 };
    });
    await studio.platform.publish(PackageFailedSchema, { asset, revision: 1, reason, unreadableTracks });
  };
  const runsAgain = (job: Job, attempt: number) =>
    eventually("the job runs again", async () => {
      const { job: seen } = await studio.jobs.getJob({ name: job.name });
      return seen?.attempt === attempt ? seen : undefined;
    });

  for (const [what, track, kinds] of [
    ["a picture", "video-720p", ["chunk", "join video-720p"]],
    ["a sound", "audio-en-1", ["encode audio-en-1"]],
  ] as const) {
    it(`makes ${what} anew that the packager cannot read, and nothing else`, async () => {
      const asset = await studio.ingest({ seconds: 20 });
      const assetId = asset.slice("assets/".length);
      const job = await jobOf(asset);
      await finish();
      const before = (await readyOf(asset, 1)).tracks;
      await failPackage(asset, [track]);
      await runsAgain(job, 2);
      const done = await studio.work();
      assert.ok(done.length > 0);
      const others = done.map(describeTask).filter((name) => !kinds.some((kind) => name.startsWith(kind)));
      assert.deepEqual(others, []);
      assert.equal(await stateOf(job), Job_State.SUCCEEDED);
      const said = await eventually("the set is announced again", () => {
        const events = studio.platform.events(RenditionsReadySchema).filter((event) => event.asset === asset);
        return events.filter(({ revision }) => revision === 1)[1];
      });
      assert.deepEqual(
        said.tracks.map((stored) => stored.track?.id),
        before.map((stored) => stored.track?.id),
      );
      for (const { blob } of said.tracks) assert.ok(await studio.stores.mezzanine.find(blob?.key ?? ""));
      assert.ok((await countFiles(assetId)) >= said.tracks.length);
    });
  }

  it("fails a job whose renditions stay unreadable, by name, and a person can run it again", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    await finish();
    for (const attempt of [2, 3]) {
      await failPackage(asset, ["audio-en-1"]);
      await runsAgain(job, attempt);
      await finish();
      assert.equal(await stateOf(job), Job_State.SUCCEEDED);
    }
    await failPackage(asset, ["audio-en-1"]);
    const failed = await studio.platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "TRANSCODE_RENDITION_UNREADABLE");
    assert.equal((await studio.jobs.getJob({ name: job.name })).job?.failure?.track, "audio-en-1");
    await studio.jobs.retryJob({ name: job.name });
    await finish();
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
  });

  it("runs a job that has succeeded again for all, where its package failed and no track is known to be at fault", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const made = await studio.work();
    await assert.rejects(studio.jobs.retryJob({ name: job.name }), refused("JOB_NOT_RETRYABLE"));
    await failPackage(asset, []);
    const retried = await eventually("it can be retried", () =>
      studio.jobs.retryJob({ name: job.name }).catch(() => undefined),
    );
    assert.equal(retried.job?.state, Job_State.QUEUED);
    const again = await studio.work();
    const names = (tasks: readonly Task[]) =>
      [...new Set(tasks.map(describeTask))].filter((name) => name !== "posters");
    assert.deepEqual(names(again).toSorted(), names(made).toSorted());
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
  });

  it("tells a worker to stop when its job is cancelled, and runs it again on demand", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const task = await leaseAnd("look");
    const { job: canceled } = await studio.jobs.cancelJob({ name: job.name });
    assert.equal(canceled?.state, Job_State.CANCELED);
    const report = { task: task.name, lease: task.lease, fraction: 0.1, speed: 1 };
    assert.equal((await studio.workers.reportProgress(report)).shouldStop, true);
    assert.equal(await studio.lease(), undefined);
    assert.equal((await studio.jobs.cancelJob({ name: job.name })).job?.state, Job_State.CANCELED);
    await studio.jobs.retryJob({ name: job.name });
    await finish();
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
    await assert.rejects(studio.jobs.cancelJob({ name: job.name }), refused("JOB_ALREADY_ENDED"));
    await assert.rejects(studio.jobs.retryJob({ name: job.name }), refused("JOB_NOT_RETRYABLE"));
  });

  it("refuses a change by someone who has not seen the last one", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    await studio.complete(await studio.mustLease());
    const stale = studio.jobs.cancelJob({ name: job.name, etag: job.etag });
    await assert.rejects(stale, refused("JOB_CHANGED"));
    await finish();
  });

  it("removes a deleted asset's files, cancels its job and never plans for it again", async () => {
    const assetId = newId();
    const asset = await studio.ingest({ seconds: 20 }, assetId);
    const job = await jobOf(asset);
    await studio.work("one", (task) => describeTask(task).startsWith("look"));
    const list = () => countFiles(assetId);
    assert.ok((await list()) > 0);
    await studio.delete(asset);
    await eventually("the job is cancelled", async () => (await stateOf(job)) === Job_State.CANCELED);
    await eventually("the files are gone", async () => (await list()) === 0);
    await assert.rejects(studio.jobs.retryJob({ name: job.name }), refused("JOB_SOURCE_DELETED"));

    const unseen = newId();
    await studio.delete(`assets/${unseen}`);
    await studio.ingest({ seconds: 4 }, unseen);
    await jobOf(await studio.ingest({ seconds: 4 }));
    await finish();
    // The two events come in any order; either way nothing of the asset is left to do or stored.
    await eventually("nothing is left of it", async () => {
      const left = await studio.jobOf(`assets/${unseen}`);
      return left?.state !== Job_State.QUEUED && left?.state !== Job_State.RUNNING && (await countFiles(unseen)) === 0;
    });
  });

  it("removes what a worker stored after its asset was deleted", async () => {
    const assetId = newId();
    const asset = await studio.ingest({ seconds: 20 }, assetId);
    const job = await jobOf(asset);
    const task = await leaseAnd("look");
    await studio.delete(asset);
    await eventually("the job is cancelled", async () => (await stateOf(job)) === Job_State.CANCELED);
    await studio.make(task);
    const list = () => countFiles(assetId);
    await eventually("the late file is gone", async () => (await list()) === 0);
  });

  it("fails a film without frames with a reason instead of losing it", async () => {
    const asset = await studio.ingest({ seconds: 0 });
    const failed = await studio.platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "TRANSCODE_SOURCE_UNUSABLE");
    const job = await jobOf(asset);
    await assert.rejects(studio.jobs.retryJob({ name: job.name }), refused("JOB_NOT_RETRYABLE"));
  });

  it("fails a film that claims the years of one at once, with a reason, however it came here", async () => {
    const asset = await studio.ingest({ seconds: 75_000_002 });
    const failed = await studio.platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "TRANSCODE_SOURCE_UNUSABLE");
    const job = await jobOf(asset);
    assert.equal(await stateOf(job), Job_State.FAILED);
    assert.match(job.failure?.message ?? "", /more than \d+ frames/);
  });

  it("shows creators their own jobs and operators all", async () => {
    const asset = await studio.ingest({ seconds: 4 });
    const job = await jobOf(asset);
    const stranger = studio.platform.client(TranscodeService, { as: creator() });
    await assert.rejects(stranger.getJob({ name: job.name }), refused("JOB_NOT_FOUND"));
    await assert.rejects(stranger.cancelJob({ name: job.name }), refused("JOB_NOT_FOUND"));
    assert.equal((await stranger.listJobs({})).jobs.length, 0);
    const boss = studio.platform.client(TranscodeService, { as: operator(["jobs.read"]) });
    assert.equal((await boss.getJob({ name: job.name })).job?.name, job.name);
    const page = await boss.listJobs({ pageSize: 2 });
    assert.equal(page.jobs.length, 2);
    const next = await boss.listJobs({ pageSize: 2, pageToken: page.nextPageToken });
    assert.ok((page.jobs[1]?.name ?? "") > (next.jobs[0]?.name ?? ""));
    await finish();
  });

  it("streams a job's way to its end", async () => {
    const asset = await studio.ingest({ seconds: 20 });
    const job = await jobOf(asset);
    const seen: Job[] = [];
    const watching = (async () => {
      for await (const { job: view } of studio.jobs.watchJobs({ names: [job.name] })) if (view) seen.push(view);
    })();
    const all = studio.jobs.watchJobs({})[Symbol.asyncIterator]();
    assert.equal((await all.next()).value?.job?.name, job.name);
    const task = await leaseAnd("look");
    await studio.workers.reportProgress({ task: task.name, lease: task.lease, fraction: 0.5, speed: 4 });
    await eventually("half of a look is seen", () => seen.some((view) => view.progress?.speed === 4));
    await studio.complete(task);
    await finish();
    await watching;
    assert.equal(seen.at(-1)?.state, Job_State.SUCCEEDED);
    const percents = seen.map((view) => view.progress?.percent ?? 0);
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    for (;;) {
      const { value } = await all.next();
      if (value?.job?.state === Job_State.SUCCEEDED) break;
    }
    await all.return?.(undefined);
  });

  it("shares workers between films: a short one that comes later does not wait for a long one", async () => {
    const long = await studio.ingest({ seconds: 1200 });
    await jobOf(long);
    await studio.work("one", (task) => describeTask(task) === "join video-240p");
    const short = await studio.ingest({ seconds: 12 });
    const job = await jobOf(short);
    const tasks = await studio.work("one", (task) => task.asset === short && describeTask(task) === "join video-1080p");
    assert.equal(await stateOf(job), Job_State.SUCCEEDED);
    const others = tasks.filter((task) => task.asset === long).length;
    assert.ok(others < 20, `${others} tasks of the long film came before`);
    await finish();
  });
});

describe("transcode without its queue", function () {
  this.timeout(60_000);

  it("loses no task when every wake-up is lost, and wakes a waiting worker by looking at the rows", async () => {
    await using studio = await Studio.open(
      { TRANSCODE_WAKE_UP_AFTER: "200ms" },
      { others: [thiefModule(["transcode-urgent", "transcode-main"])] },
    );
    const waiting = studio.lease();
    const asset = await studio.ingest({ seconds: 20 });
    const job = await eventually("a job is planned", () => studio.jobOf(asset));
    const task = await waiting;
    assert.ok(task);
    await studio.complete(task);
    await studio.work();
    assert.equal((await studio.jobs.getJob({ name: job.name })).job?.state, Job_State.SUCCEEDED);
  });
});
