/** A disk that is full while a film is on its way, where we may mount one of our own to fill. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { openFileSource } from "../../clients/sdk/file-node.ts";
import { TranscodeService } from "../../clients/sdk/gen/matinee/transcode/v1/transcode_service_pb.ts";
import { importFilm } from "../../clients/sdk/import-film.ts";
import { startCluster } from "./cluster.ts";
import { fillDisk, mountDisk } from "./fault-kinds.ts";
import { FAULT_SETTINGS } from "./faults.ts";
import { film } from "./films.ts";
import { operatorOf } from "./people.ts";

const FILM = { seconds: 8, width: 640, height: 360, frameRate: "25/1" };
const DISK_MB = 400;
/** Too little for any file that a film needs, enough for a row. */
const LEFT_BYTES = 64 * 1024;

describe("a full disk", function () {
  this.timeout(300_000);
  this.slow(60_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-full-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  // Mounting is root's; the tests run as root wherever a container runs them.
  if (process.getuid?.() === 0) {
    it("is waited for, by name at /readyz and on the job, and the film goes on by itself", async () => {
      const path = await film(FILM);
      using disk = mountDisk(folder, DISK_MB);
      assert.ok(disk, "root may mount");
      const data = join(folder, "data");
      await mkdir(data, { mode: 0o711 });
      await using cluster = await startCluster({ topology: "one-process", settings: FAULT_SETTINGS, data });
      const { platform } = await operatorOf(cluster);
      const events: string[] = [];
      const importing = importFilm(platform, {
        source: await openFileSource(path),
        onEvent: ({ step }) => void events.push(step),
      });
      importing.catch(() => undefined);
      await eventually("the job runs", () => events.includes("transcode"));
      {
        await using _filled = await fillDisk(data, LEFT_BYTES);
        await eventually("/readyz says it", async () => {
          const answer = await fetch(`${cluster.origin}/readyz`);
          return answer.status === 503 && /no room left in/.test(await answer.text());
        });
        await eventually("the job says it", async () => {
          const { jobs } = await platform.client(TranscodeService).listJobs({});
          return jobs[0]?.waiting?.reason === "OUT_OF_SPACE" && /no room left in the/.test(jobs[0].waiting.message);
        });
      }
      const { package: made } = await importing;
      assert.equal(made?.isComplete, true);
      const { jobs } = await platform.client(TranscodeService).listJobs({});
      assert.deepEqual([jobs[0]?.attempt, jobs[0]?.waiting], [1, undefined]);
      await eventually("it is ready again", async () => (await fetch(`${cluster.origin}/readyz`)).ok);
    });
  }
});
