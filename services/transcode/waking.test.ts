/** Workers that wait are told of tasks, and views of jobs, when there are some, not at the next look. */

import assert from "node:assert/strict";
import { PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { JobChangedSchema, RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { type Job, Job_State } from "#gen/matinee/transcode/v1/job_pb";
import type { Task } from "#gen/matinee/transcode/v1/task_pb";
import { openPool } from "#pkg/postgres/pool";
import { migrationsFor, openQueue } from "#pkg/queue/open";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { standingClock, untilQuiet, wokenEachTime } from "#pkg/testkit/woken";
import { WakeUp } from "#pkg/work/wake-up";
import { Studio } from "./fixtures.ts";
import { WakeUps } from "./wake-ups.ts";

describe("transcode's wake-ups", function () {
  this.timeout(60_000);

  describe("in one process", () => {
    let studio: Studio;
    before(async () => {
      studio = await Studio.open({ TRANSCODE_LONG_POLL: "20s", TRANSCODE_POLL: "20s" }, { clock: standingClock() });
    });
    after(() => studio?.[Symbol.asyncDispose]());

    /** A worker that has looked and waits. */
    async function wait(worker: string): Promise<{ readonly task: Promise<Task | undefined> }> {
      const task = studio.lease(worker);
      task.catch(() => undefined);
      await untilQuiet();
      return { task };
    }

    /** So that nothing is left for who waits. */
    async function takeAll(): Promise<Task[]> {
      const taken: Task[] = [];
      const ready = () => studio.platform.database("transcode").query("select from tasks where state = 'ready'");
      while ((await ready()).length > 0) taken.push(await studio.mustLease());
      return taken;
    }

    const forget = async (asset: string) => {
      await studio.delete(asset);
      await eventually("its job is cancelled", async () => (await jobOf(asset)).state === Job_State.CANCELED);
    };
    const jobOf = (asset: string): Promise<Job> => eventually("a job is planned", () => studio.jobOf(asset));

    it("tell of a film's first tasks, of one that was given back, and of those that others made ready", async () => {
      await wokenEachTime(async () => {
        const first = await wait("one");
        const asset = await studio.ingest({ seconds: 4 });
        const task = await first.task;
        assert.ok(task);
        const rest = await takeAll();

        const second = await wait("two");
        await studio.workers.failTask({ task: task.name, lease: task.lease, reason: "ENDING", isGivenBack: true });
        const again = await second.task;
        assert.equal(again?.name, task.name);

        const third = await wait("three");
        for (const one of [...rest, ...(again === undefined ? [] : [again])]) await studio.complete(one);
        assert.ok(await third.task);
        await forget(asset);
      });
    });

    it("tell of a job that a person runs again", async () => {
      await wokenEachTime(async () => {
        const asset = await studio.ingest({ seconds: 4 });
        const { name } = await jobOf(asset);
        await studio.jobs.cancelJob({ name });
        const waiting = await wait("one");
        await studio.jobs.retryJob({ name });
        assert.ok(await waiting.task);
        await forget(asset);
      });
    });

    it("tell of what is made anew because the packager cannot read it", async () => {
      await wokenEachTime(async () => {
        const asset = await studio.ingest({ seconds: 4 });
        await jobOf(asset);
        for (let tasks = await takeAll(); tasks.length > 0; tasks = await takeAll())
          for (const task of tasks) await studio.complete(task);
        const { tracks } = await studio.platform.nextEvent(
          RenditionsReadySchema,
          (event) => event.asset === asset && event.revision === 1,
        );
        const sound = tracks.find(({ track }) => track?.id === "audio-en-1");
        const unreadableTracks = [{ track: "audio-en-1", sha256: sound?.blob?.sha256 ?? "" }];
        const waiting = await wait("one");
        const failure = { asset, revision: 1, reason: "PACKAGER_FAILED", unreadableTracks };
        await studio.platform.publish(PackageFailedSchema, failure);
        assert.ok(await waiting.task);
        await forget(asset);
      });
    });

    it("tell views of a job that changes", async () => {
      await wokenEachTime(async () => {
        const asset = await studio.ingest({ seconds: 4 });
        await studio.platform.nextEvent(JobChangedSchema, (event) => event.job?.asset === asset);
      });
    });
  });

  it("reach who waits in another process", async () => {
    await using database = await testDb("port-queue", migrationsFor("postgres:"));
    await using stack = new AsyncDisposableStack();
    const ending = new AbortController();
    const open = async () => {
      const clock = standingClock();
      const postgres = async () => openPool({ url: database.url, name: "port-queue", log: quietLog });
      const queue = stack.use(await openQueue("postgres:", { postgres, clock, log: quietLog }));
      return new WakeUps({ queue, clock, log: quietLog });
    };
    const [sender, receiver] = [await open(), await open()];
    const receiving = receiver.run(ending.signal);
    await wokenEachTime(async () => {
      const wakeUp = new WakeUp();
      using _waiting = receiver.enter(wakeUp);
      await untilQuiet();
      sender.send(1, 1);
      await wakeUp.wait(1, standingClock(), ending.signal);
    });
    ending.abort();
    await receiving;
  });
});
