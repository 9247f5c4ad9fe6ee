/** Hostile films, handed in as anybody may: the host that takes them serves everybody else meanwhile. */

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { type Asset, Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import { type HostileFilm, hostileFilms } from "#pkg/media/fixtures/hostile";
import { eventually } from "#pkg/testkit/eventually";
import { creator, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { longestTurnMs } from "#pkg/testkit/turns";
import { transcode } from "../transcode/module.ts";
import { ingestion } from "./module.ts";

const MAX_TURN_MS = 100;
/** One of each kind; all of them are probed in pkg/media. */
const CHOSEN = [
  ...["years.mkv", "hours.mkv", "late-sound.mkv", "samples.mp4", "100-sounds.mp4", "150-captions.mp4", "title.mkv"],
  ...["tags.mkv", "needle.mp4", "wide-pixels.mkv", "deep.mp4", "many-boxes.mp4", "hls-file.mp4", "linked.mkv"],
];

describe("a host that is handed hostile films", function () {
  this.timeout(120_000);
  let platform: TestPlatform;
  let client: Client<typeof IngestionService>;
  let folder: string;
  let films: readonly HostileFilm[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-hostile-"));
    films = await hostileFilms(folder, { file: "/etc/hostname", address: "http://127.0.0.1:9/canary.ts", port: 9 });
    platform = await openModules([ingestion, transcode]);
    client = platform.client(IngestionService, { as: creator() });
  });
  after(async () => {
    await platform?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function ingest(path: string, fileName: string): Promise<Asset> {
    const bytes = await readFile(path);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { upload } = await client.createUpload({
      fileName,
      sizeBytes: BigInt(bytes.length),
      requestId: randomUUID(),
    });
    assert.ok(upload);
    const { parts } = await client.signUploadParts({ name: upload.name, parts: [{ number: 1, sha256 }] });
    const [part] = parts;
    assert.ok(part);
    const put = await fetch(new URL(part.url, platform.url), { method: "PUT", headers: part.headers, body: bytes });
    assert.equal(put.status, 200, await put.text());
    const { asset } = await client.completeUpload({ name: upload.name, sha256 });
    return eventually(`${fileName} is inspected`, async () => {
      const now = await client.getAsset({ name: asset?.name ?? "" });
      return now.asset?.state === Asset_State.INSPECTING ? undefined : now.asset;
    });
  }

  it("refuses each with its reason, or plans it within bounds, and never stops serving", async () => {
    const jobs = platform.client(TranscodeService, { as: operator(["jobs.read"]) });
    const jobOf = async (asset: string) => (await jobs.listJobs({ asset })).jobs[0];
    // What is loaded and compiled at the first use is no film's doing.
    await ingest(join(folder, "base.mp4"), "base.mp4");
    const refused: string[] = [];
    for (const { name, path, refusedAs } of films.filter((film) => CHOSEN.includes(film.name))) {
      let asset: Asset | undefined;
      const turnMs = await longestTurnMs(async () => {
        asset = await ingest(path, name);
        if (refusedAs.length > 0) return;
        await eventually(`${name} has a job`, async () => (await jobOf(asset?.name ?? "")) !== undefined);
      });
      assert.ok(asset !== undefined);
      assert.ok(turnMs < MAX_TURN_MS, `${name} held the host up for ${turnMs} ms`);
      if (refusedAs.length === 0) {
        assert.equal(asset.state, Asset_State.READY, `${name}: ${asset.rejection?.reason}`);
      } else {
        assert.equal(asset.state, Asset_State.REJECTED, name);
        assert.ok(refusedAs.includes(asset.rejection?.reason ?? ""), `${name}: ${asset.rejection?.reason}`);
        refused.push(asset.name);
      }
    }
    for (const asset of refused) assert.equal(await jobOf(asset), undefined);
    await eventually("nothing of their inspection is left", async () => {
      const scratch = join(platform.data, "scratch");
      const left = await readdir(scratch, { recursive: true });
      return left.every((name) => !name.includes("/"));
    });
  });
});
