/** What the packager says of files that have been made anew since costs nothing: its events come in any order. */

import assert from "node:assert/strict";
import { PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { Job_State } from "#gen/matinee/transcode/v1/job_pb";
import { eventually } from "#pkg/testkit/eventually";
import { Studio } from "./fixtures.ts";

const TRACK = "audio-en-1";
const BROKEN = "0".repeat(64);

describe("a track that two packages could not read", function () {
  this.timeout(60_000);
  let studio: Studio;

  before(async () => {
    studio = await Studio.open();
  });
  after(() => studio?.[Symbol.asyncDispose]());

  it("is made anew once, also where the second one is heard of late and often", async () => {
    const asset = await studio.ingest({ seconds: 4 });
    const job = await eventually("a job is planned", () => studio.jobOf(asset));
    await studio.work();
    const ready = await studio.platform.nextEvent(RenditionsReadySchema, (event) => {
      return event.asset === asset && event.revision === 1;
    });
    const damaged = ready.tracks.find(({ track }) => track?.id === TRACK);
    assert.notEqual(damaged?.blob?.sha256, BROKEN);
    // As if another file had been stored than the one that is made anew.
    await studio.platform
      .database("transcode")
      .execute("update renditions set blob = jsonb_set(blob, '{sha256}', to_jsonb($2::text)) where track_id = $1", [
        TRACK,
        BROKEN,
      ]);
    const fail = (revision: number, hash: string) =>
      studio.platform.publish(PackageFailedSchema, {
        asset,
        revision,
        reason: "PACKAGER_FAILED",
        unreadableTracks: [{ track: TRACK, sha256: hash }],
      });
    const attempt = async () => (await studio.jobs.getJob({ name: job.name })).job;
    await studio.platform.untilHandled(await fail(1, BROKEN));
    await eventually("the job runs again", async () => (await attempt())?.attempt === 2);
    await studio.work();
    assert.equal((await attempt())?.state, Job_State.SUCCEEDED);
    for (let times = 0; times < 3; times++) await studio.platform.untilHandled(await fail(0, BROKEN));
    const after = await attempt();
    assert.deepEqual([after?.attempt, after?.state], [2, Job_State.SUCCEEDED]);
    const sets = studio.platform.events(RenditionsReadySchema).filter((event) => event.asset === asset);
    assert.equal(sets.filter(({ revision }) => revision === 1).length, 2);
  });
});
