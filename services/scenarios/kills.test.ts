/**
 * One film on its way through every phase, each of which is cut off by kill -9 once: of the whole host, or of the module
 * that is at work. SCENARIO_SEED repeats the moments of a run.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { toMatineeError } from "../../clients/sdk/errors.ts";
import { openFileSource } from "../../clients/sdk/file-node.ts";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { Title_State } from "../../clients/sdk/gen/matinee/catalog/v1/title_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { PackagerService } from "../../clients/sdk/gen/matinee/packager/v1/packager_service_pb.ts";
import type { FileSource } from "../../clients/sdk/hashing.ts";
import { type ImportOptions, type ImportResult, type ImportState, importFilm } from "../../clients/sdk/import-film.ts";
import { uploadFile } from "../../clients/sdk/upload.ts";
import { memoryStateStore, type UploadState } from "../../clients/sdk/upload-state.ts";
import { newChance } from "./chance.ts";
import { film } from "./films.ts";
import { assertSameFrames, blobKeys, blobPath, download, frameCount, frameHashes } from "./media.ts";
import { newViewer, operatorOf, type Person } from "./people.ts";
import { askLicense, keyIdsOf, representations, start } from "./playing.ts";
import { processesOf } from "./processes.ts";
import { inEveryTopology, PART_BYTES } from "./stories.ts";
import { idOf } from "./titles.ts";
import { stallingPut } from "./uploading.ts";

const FRAME_RATE = "30000/1001";
const MAX_DELAY_MS = 40;
const GIVE_UP_MS = 60_000;

inEveryTopology("a film in whose every phase something is killed", (cluster) => {
  const seed = Number(process.env.SCENARIO_SEED ?? randomInt(1_000_000));
  const { below } = newChance(seed);
  const uploads = memoryStateStore<UploadState>();
  const imports = memoryStateStore<ImportState>();
  let operator: Person;
  let source: FileSource;
  let frames: number;
  let asset = "";
  let imported: Promise<ImportResult | Error> | undefined;
  let stopImport = new AbortController();
  let result: ImportResult;
  let revisions = 0;

  const title = {
    displayTitle: `What was killed and lived, by seed ${seed}`,
    synopsis: "It came back.",
    availabilityWindows: [{}],
  };

  /** The studio's client, which takes up where it was as often as it must; one at a time. */
  async function goOn(options: Partial<ImportOptions> = {}): Promise<void> {
    stopImport.abort();
    await imported;
    stopImport = new AbortController();
    imported = importFilm(operator.platform, {
      source,
      uploads,
      imports,
      title,
      signal: stopImport.signal,
      ...options,
    }).catch((error: unknown) => toMatineeError(error));
  }

  async function assetOf(): Promise<string> {
    const [entry] = await uploads.list();
    const { upload } = await operator.platform.client(IngestionService).getUpload({ name: entry?.[1].upload ?? "" });
    return upload?.asset ?? "";
  }

  /** Looks again and again, without a pause worth the name, until the phase is there. */
  async function untilSeen(phase: string, probe: () => Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (!(await probe())) {
      assert.ok(performance.now() < giveUpAt, `the phase ${phase} was never seen`);
      await new Promise((done) => setTimeout(done, 2));
    }
  }

  /** Kills what does the phase's work, checks that nothing of it lives on, and starts it again. */
  async function killIn(phase: string, module: string): Promise<void> {
    const delayMs = below(MAX_DELAY_MS);
    await new Promise((done) => setTimeout(done, delayMs));
    const names = cluster().processesOf(module);
    await cluster().kill(names);
    process.stdout.write(`      seed ${seed}: ${phase}: killed ${names.join(", ")} ${delayMs} ms after it was seen\n`);
    const { data, topology } = cluster();
    const folder = topology === "one-process" ? data : join(data, "scratch", module);
    await eventually(`nothing of ${module} lives on`, async () => {
      const left = (await processesOf(data)).filter((line) => line.includes(folder));
      const own = topology === "one-process" ? left : left.filter((line) => !line.includes("services/main.ts"));
      assert.deepEqual(own, []);
      return true;
    });
    await cluster().restart();
  }

  const count = async (sql: string, ...params: unknown[]): Promise<number> => {
    const [row] = await cluster().sql<{ n: string }>(`select count(*) as n from ${sql}`, params);
    return Number(row?.n);
  };

  before(async () => {
    operator = await operatorOf(cluster());
    const path = await film({
      seconds: 14,
      width: 960,
      height: 540,
      frameRate: FRAME_RATE,
      padToBytes: 2 * PART_BYTES,
    });
    frames = await frameCount(path);
    source = await openFileSource(path);
  });

  after(() => stopImport.abort());

  it("while a part arrives", async () => {
    let stalled: (number: number) => void = () => undefined;
    const seen = new Promise<number>((resolve) => {
      stalled = resolve;
    });
    const signal = new AbortController();
    const sending = uploadFile(operator.platform, {
      source,
      states: uploads,
      signal: signal.signal,
      put: stallingPut(2, (number) => stalled(number)),
    }).catch((error: unknown) => toMatineeError(error));
    await seen;
    await killIn("part", "ingestion");
    signal.abort();
    await sending;
    asset = await assetOf();
    assert.match(asset, /^assets\//);
  });

  it("while the upload is completed", async () => {
    await goOn();
    await untilSeen(
      "complete",
      async () => (await count("ingestion.uploads where asset_id = $1 and state = 'completing'", idOf(asset))) > 0,
    );
    await killIn("complete", "ingestion");
  });

  it("while the film is probed", async () => {
    const scratch = join(cluster().data, "scratch", "ingestion");
    await untilSeen("probe", async () => {
      const names = await readdir(scratch).catch(() => []);
      return names.some((name) => name.startsWith("inspect-"));
    });
    await killIn("probe", "ingestion");
  });

  it("while its work is planned", async () => {
    await untilSeen("plan", async () => (await count("transcode.jobs where asset_id = $1", idOf(asset))) > 0);
    await killIn("plan", "transcode");
  });

  const isAtWork = async (kind: "encode_video" | "join_video"): Promise<boolean> =>
    (await count(
      `transcode.tasks t join transcode.jobs j on j.id = t.job_id
       where j.asset_id = $1 and t.kind = $2 and t.state = 'leased'`,
      idOf(asset),
      kind,
    )) > 0;

  it("while a worker does a chunk", async () => {
    await untilSeen("chunk", () => isAtWork("encode_video"));
    await killIn("chunk", "transcode-worker");
  });

  // Of all phases this one lasts longest: it is still there when everything has started again.
  it("while the database is at work", async () => {
    await untilSeen("database", () => isAtWork("encode_video"));
    const pid = await cluster().killPostgres();
    process.stdout.write(`      seed ${seed}: database: killed PostgreSQL, process ${pid}\n`);
  });

  it("while a worker does a join", async () => {
    await untilSeen("join", () => isAtWork("join_video"));
    await killIn("join", "transcode-worker");
  });

  it("while it is packaged", async () => {
    const packaging = "packager.revisions where asset_id = $1 and state = 'packaging' and leased_until > now()";
    await untilSeen("package", async () => (await count(`${packaging} and revision = 1`, idOf(asset))) > 0);
    await killIn("package", "packager");
  });

  it("while it is published", async () => {
    await goOn();
    const made = await eventually("the title is made and can be played", async () => {
      const { titles } = await operator.platform.client(CatalogService).listTitles({ asset });
      return titles[0]?.media?.isPlayable === true ? titles[0] : undefined;
    });
    const catalog = operator.platform.client(CatalogService);
    const publishing = catalog.publishTitle({ name: made.name }).catch((error: unknown) => toMatineeError(error));
    await killIn("publish", "catalog");
    await publishing;
    await goOn({ publish: true });
  });

  it("is complete afterwards", async () => {
    const ended = await imported;
    if (ended === undefined || ended instanceof Error) throw ended ?? new Error("nothing was imported");
    result = ended;
    assert.equal(result.asset, asset);
    assert.equal(result.package?.isComplete, true);
    assert.equal(result.title?.state, Title_State.PUBLISHED);
  });

  it("and once: one asset, one job, each rendition, each revision, each message", async () => {
    const id = idOf(asset);
    assert.equal(await count("ingestion.assets where file_name = $1 and state <> 'deleted'", source.name), 1);
    assert.equal(await count("transcode.jobs where asset_id = $1", id), 1);
    const renditions = await cluster().sql<{ track_id: string; state: string; key: string }>(
      `select r.track_id, r.state, r.blob->>'key' as key from transcode.renditions r
       join transcode.jobs j on j.id = r.job_id where j.asset_id = $1`,
      [id],
    );
    assert.equal(new Set(renditions.map(({ track_id }) => track_id)).size, renditions.length);
    assert.ok(renditions.every(({ state }) => state === "ready"));
    const { packages } = await operator.platform.client(PackagerService).listPackages({ asset });
    // Where the lowest rendition was the last to be joined, there was nothing to watch before all was there.
    const early = packages.length - 1;
    assert.ok(early <= 1);
    assert.deepEqual(
      packages.map(({ revision, isComplete }) => [revision, isComplete]),
      [[1, true], ...(early === 1 ? [[0, false]] : [])],
    );
    const inbox = await eventually("the messages came", async () => {
      const found = await cluster().sql<{ kind: string; n: string }>(
        "select kind, count(*) as n from notification.notifications where subject = $1 group by kind order by kind",
        [asset],
      );
      return found.some(({ kind }) => kind === "upload_ready") ? found : undefined;
    });
    assert.ok(inbox.every(({ n }) => Number(n) === 1));
    const kinds = inbox.map(({ kind }) => kind).filter((kind) => kind !== "upload_playable" || early === 0);
    assert.deepEqual(kinds, ["upload_ready"]);
    revisions = packages.length;
    assert.equal(await count("catalog.titles where asset_id = $1", id), 1);
    const viewer = await newViewer(cluster());
    const hits = await eventually("the search has it", async () => {
      const answer = await viewer.platform.client(CatalogService).searchTitles({ query: title.displayTitle });
      const found = answer.hits.filter((hit) => hit.title?.name === result.title?.name);
      return found.length > 0 ? found : undefined;
    });
    assert.equal(hits.length, 1);
    assert.equal(await count("port_eventbus.deliveries where parked_at is not null"), 0);
  });

  it("and correct: every rendition has the source's frames and decrypts to what was encoded", async () => {
    const viewer = await newViewer(cluster());
    const play = await start(viewer, result.title?.name ?? "");
    const tracks = await representations(viewer, play);
    const { keys } = await askLicense(viewer, play, { keyIds: keyIdsOf(tracks) });
    const renditions = await cluster().sql<{ key: string; track_id: string }>(
      `select r.track_id, r.blob->>'key' as key from transcode.renditions r
       join transcode.jobs j on j.id = r.job_id where j.asset_id = $1`,
      [idOf(asset)],
    );
    const videos = tracks.filter(({ kind }) => kind === "video");
    assert.ok(videos.length >= 2);
    for (const track of videos) {
      const packaged = result.package?.tracks.find(({ path }) => track.url.endsWith(`/${path.split("/").at(-1)}`));
      const rendition = renditions.find(({ track_id }) => track_id === packaged?.track?.id);
      const encrypted = await download(track.url);
      const decoded = await frameHashes(encrypted, "v", keys.get(track.keyId) ?? "");
      assert.equal(decoded.length, frames);
      const clear = await blobPath(cluster(), "mezzanine", rendition?.key ?? "");
      const about = `${track.url} of ${packaged?.track?.id} with key ${track.keyId}, made from ${rendition?.key}`;
      assertSameFrames(decoded, await frameHashes(clear, "v"), about);
    }
  });

  it("and nothing of the attempts before is left", async () => {
    const id = idOf(asset);
    assert.deepEqual(await blobKeys(cluster(), "originals", id), [`${id}/original`]);
    // They are kept for a minute, which passes at once.
    await cluster().sql("update transcode.jobs set ended_at = ended_at - interval '1 minute' where asset_id = $1", [
      id,
    ]);
    await eventually("the encoded chunks are removed", async () => {
      const renditions = await cluster().sql<{ key: string }>(
        `select r.blob->>'key' as key from transcode.renditions r
         join transcode.jobs j on j.id = r.job_id where j.asset_id = $1 order by 1`,
        [id],
      );
      assert.deepEqual(await blobKeys(cluster(), "mezzanine", id), renditions.map(({ key }) => key).toSorted());
      return true;
    });
    await eventually("the folders of dead packaging runs are removed", async () => {
      const [packageId = ""] = idOf(result.package?.name ?? "").split("@");
      const folders = new Set(
        (await blobKeys(cluster(), "packaged", packageId)).map((key) => key.split("/").slice(0, 3).join("/")),
      );
      assert.equal(folders.size, revisions, [...folders].join(", "));
      return true;
    });
    assert.equal(
      await count(
        "transcode.tasks t join transcode.jobs j on j.id = t.job_id where j.asset_id = $1 and t.state not in ('done')",
        id,
      ),
      0,
    );
    await eventually("no tool is running", async () => {
      const tools = (await processesOf(cluster().data)).filter(
        (line) => /\b(ffmpeg|ffprobe|packager)[^/]* /.test(line) && !line.includes("main.ts"),
      );
      assert.deepEqual(tools, []);
      return true;
    });
  });
});
