/** The same command again: nothing is made twice, and no failure is the end of a film. */

import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, truncate } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { run } from "../../clients/cli/program.ts";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { checkFilm } from "./fault-checks.ts";
import { film, scratchFolder } from "./films.ts";
import { assetsNamed } from "./lists.ts";
import { blobPath, frameCount } from "./media.ts";
import { newViewer, operatorOf, type Person } from "./people.ts";
import { inEveryTopology } from "./stories.ts";
import { idOf } from "./titles.ts";

const FILM = { seconds: 3, width: 320, height: 180, frameRate: "25/1" };

inEveryTopology(
  "a film that is imported again",
  (cluster) => {
    let folder: string;
    let operator: Person;

    before(async () => {
      folder = await mkdtemp(join(await scratchFolder(), "again-"));
      await mkdir(join(folder, "rushes"));
      for (const name of ["one", "two"]) await copyFile(await film(FILM), join(folder, "rushes", `again ${name}.mkv`));
      operator = await operatorOf(cluster());
    });

    /** The command line, as one person with one folder of settings. */
    async function tried(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
      let [out, err] = ["", ""];
      const code = await run({
        argv,
        env: {
          XDG_CONFIG_HOME: join(folder, "config"),
          MATINEE_URL: cluster().origin,
          // A password would be tried too often.
          MATINEE_TOKEN: (await operator.session.accessToken()) ?? "",
        },
        out: { write: (text) => (out += text) },
        err: { write: (text) => (err += text) },
        signal: new AbortController().signal,
      });
      return { code, out, err };
    }

    async function matinee(...argv: string[]): Promise<{ out: string; err: string }> {
      const { code, out, err } = await tried(...argv);
      assert.equal(code, 0, err);
      return { out, err };
    }

    const assetsOf = async (name: string): Promise<string[]> =>
      (await assetsNamed(operator.platform, name)).map((asset) => asset.name);

    it("makes each film of a folder once, also where two commands import it at once", async () => {
      const rushes = join(folder, "rushes");
      const outcomes = await Promise.all([matinee("import", rushes), matinee("import", rushes)]);
      assert.ok(outcomes.some(({ err }) => err.includes("another import of this file is running")));
      await matinee("import", rushes);
      for (const name of ["again one.mkv", "again two.mkv"]) assert.equal((await assetsOf(name)).length, 1, name);
    });

    it("gets past a package that failed on a file that was stored damaged", async () => {
      const path = join(folder, "rushes", "again one.mkv");
      const args = ["import", path, "--title", "Once Damaged", "--synopsis", "It was cut short.", "--publish"];
      await matinee(...args);
      const [asset = ""] = await assetsOf("again one.mkv");
      const [rendition] = await cluster().sql<{ key: string }>(
        `select r.blob->>'key' as key from transcode.renditions r join transcode.jobs j on j.id = r.job_id
         where j.asset_id = $1 and r.track_id like 'audio-%' limit 1`,
        [idOf(asset)],
      );
      await truncate(await blobPath(cluster(), "mezzanine", rendition?.key ?? ""), 2_000);
      await cluster().sql(
        `update packager.revisions set state = 'failed', failure_reason = 'PACKAGER_FAILED', failure_message = 'as found',
           output = null, folder = null, ready_at = null where asset_id = $1`,
        [idOf(asset)],
      );
      await matinee(...args);
      assert.deepEqual(await assetsOf("again one.mkv"), [asset]);
      const { titles } = await operator.platform.client(CatalogService).listTitles({ asset });
      assert.equal(titles.length, 1);
      const viewer = await newViewer(cluster());
      await checkFilm(cluster(), operator, viewer, {
        fileName: "again one.mkv",
        displayTitle: "Once Damaged",
        frames: await frameCount(path),
        asset,
        title: titles[0]?.name ?? "",
      });
    });

    it("is made anew where it was deleted, and its title with it", async () => {
      const path = join(folder, "rushes", "again two.mkv");
      const args = ["import", path, "--title", "Deleted Once", "--synopsis", "It came back.", "--publish"];
      await matinee(...args);
      const [before = ""] = await assetsOf("again two.mkv");
      await eventually("it is known that a title plays it", async () => {
        const rows = await cluster().sql("select 1 from ingestion.showings where asset_id = $1", [idOf(before)]);
        return rows[0];
      });
      const refusal = await tried("assets", "delete", before);
      assert.notEqual(refusal.code, 0);
      assert.match(refusal.err, /“Deleted Once”.*\(ASSET_IN_CATALOGUE\)/s);
      await matinee("assets", "delete", "--force", before);
      await matinee(...args);
      const [after = ""] = await assetsOf("again two.mkv");
      assert.notEqual(after, before);
      const { titles } = await operator.platform.client(CatalogService).listTitles({ asset: after });
      const [title] = titles;
      await matinee("titles", "delete", title?.name ?? "");
      const { out } = await matinee("titles", "restore", title?.name ?? "");
      assert.match(out, /is back, as a draft/);
    });
  },
  { topologies: ["one-process"] },
);
