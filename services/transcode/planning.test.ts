import { Job_State } from "#gen/matinee/transcode/v1/job_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { Studio } from "./fixtures.ts";

describe("planning a job", () => {
  let studio: Studio;

  before(async () => {
    studio = await Studio.open();
  });
  after(() => studio[Symbol.asyncDispose]());

  it("plans nothing for an asset whose deletion is heard while the job is being made", async () => {
    const assetId = newId();
    const db = studio.platform.database("transcode");
    const waiting = (type: string) => db.query("select from pg_locks where not granted and locktype = $1", [type]);
    await db.tx(async (tx) => {
      // The job's row has to wait, after it was seen that the asset is there; reading is not held up.
      await tx.execute("lock table jobs in share mode");
      await studio.ingest({ seconds: 4 }, assetId);
      await eventually("the job is being made", async () => (await waiting("relation")).length > 0);
      await studio.delete(`assets/${assetId}`);
      await eventually("the deletion is heard", async () => {
        const deleted = await db.query("select from deleted_assets where asset_id = $1", [assetId]);
        return deleted.length > 0 || (await waiting("advisory")).length > 0;
      });
    });
    await eventually("both are handled", async () => {
      const left = await studio.platform
        .database("port-eventbus")
        .query("select from deliveries where consumer = $1", ["transcode"]);
      return left.length === 0;
    });
    await eventually("the job has ended with its asset, where there was one", async () => {
      const job = await studio.jobOf(`assets/${assetId}`);
      return job === undefined || job.state === Job_State.CANCELED;
    });
  });
});
