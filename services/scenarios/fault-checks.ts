/** Whether a film is whole, there once, and nothing of its way is left over. */

import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { Title_State } from "../../clients/sdk/gen/matinee/catalog/v1/title_pb.ts";
import { Asset_State } from "../../clients/sdk/gen/matinee/ingestion/v1/asset_pb.ts";
import { Package_State } from "../../clients/sdk/gen/matinee/packager/v1/package_pb.ts";
import { PackagerService } from "../../clients/sdk/gen/matinee/packager/v1/packager_service_pb.ts";
import { Job_State } from "../../clients/sdk/gen/matinee/transcode/v1/job_pb.ts";
import { TranscodeService } from "../../clients/sdk/gen/matinee/transcode/v1/transcode_service_pb.ts";
import type { Cluster } from "./cluster.ts";
import { assetsNamed, titlesNamed } from "./lists.ts";
import { blobKeys, blobPath, download, frameHashes } from "./media.ts";
import type { Person } from "./people.ts";
import { askLicense, keyIdsOf, representations, start, stop } from "./playing.ts";
import { processesOf } from "./processes.ts";
import { idOf } from "./titles.ts";

export interface Film {
  readonly fileName: string;
  readonly displayTitle: string;
  readonly frames: number;
  /** `assets/{uuid}`. */
  readonly asset: string;
  /** `titles/{uuid}`. */
  readonly title: string;
}

/** Fails with what is stuck, lost, doubled, falsely done or left over. */
export async function checkFilm(cluster: Cluster, operator: Person, viewer: Person, film: Film): Promise<void> {
  await checkOnce(operator, film);
  await checkDecodes(cluster, viewer, film);
  await checkSettled(cluster, film);
}

function same(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  }
}

/** Through the API: one asset, one job that succeeded, one whole package, one published title. */
async function checkOnce({ platform }: Person, { fileName, displayTitle, asset }: Film): Promise<void> {
  const own = await assetsNamed(platform, fileName);
  same(
    "assets",
    own.map(({ name, state }) => [name, state]),
    [[asset, Asset_State.READY]],
  );
  const { jobs } = await platform.client(TranscodeService).listJobs({ asset });
  same(
    "jobs",
    jobs.map(({ state }) => state),
    [Job_State.SUCCEEDED],
  );
  const { packages } = await platform.client(PackagerService).listPackages({ asset });
  const failed = packages.filter(({ state }) => state !== Package_State.READY);
  same(
    "packages that are not ready",
    failed.map(({ revision, state, failureReason }) => [revision, state, failureReason]),
    [],
  );
  same("whole packages", packages.filter(({ isComplete }) => isComplete).length, 1);
  const named = await titlesNamed(platform, displayTitle);
  same(
    "titles",
    named.map(({ asset, state }) => [asset, state]),
    [[asset, Title_State.PUBLISHED]],
  );
}

/** As a viewer: every track decrypts and decodes, the picture to the very frames that were encoded. */
async function checkDecodes(cluster: Cluster, viewer: Person, { frames, asset, title }: Film): Promise<void> {
  const play = await eventually("the title can be played", () => start(viewer, title));
  const tracks = await representations(viewer, play);
  const { keys } = await askLicense(viewer, play, { keyIds: keyIdsOf(tracks) });
  const renditions = await cluster.sql<{ track_id: string; key: string }>(
    `select r.track_id, r.blob->>'key' as key from transcode.renditions r
     join transcode.jobs j on j.id = r.job_id where j.asset_id = $1 and r.state = 'ready'`,
    [idOf(asset)],
  );
  const files = await cluster.sql<{ track: string; path: string }>(
    `select f.value->>'trackId' as track, f.value->>'path' as path
     from packager.revisions r, jsonb_array_elements(r.output->'files') f where r.asset_id = $1 and r.state = 'ready'`,
    [idOf(asset)],
  );
  same("tracks", tracks.length, renditions.length);
  for (const track of tracks) {
    const path = await download(track.url);
    if (track.kind === "text") continue;
    const kind = track.kind === "video" ? "v" : "a";
    const decoded = await frameHashes(path, kind, keys.get(track.keyId) ?? "");
    const packaged = files.find(({ path }) => track.url.endsWith(`/${path.split("/").at(-1)}`));
    const rendition = renditions.find(({ track_id }) => track_id === packaged?.track);
    const clear = await frameHashes(await blobPath(cluster, "mezzanine", rendition?.key ?? ""), kind);
    if (kind === "v") same(`frames of ${track.id}`, decoded.length, frames);
    if (decoded.length === 0) throw new Error(`${track.id} has no frames`);
    if (kind === "v") same(`what ${track.id} decodes to`, decoded.join() === clear.join(), true);
    else same(`length of ${track.id}`, Math.abs(decoded.length - clear.length) <= 2, true);
  }
  await stop(viewer, play);
}

/** In the database and among the processes: nothing is leased, waiting, parked or running any more. */
async function checkSettled(cluster: Cluster, { asset }: Film): Promise<void> {
  const id = idOf(asset);
  const count = async (sql: string, ...params: unknown[]) => {
    const [row] = await cluster.sql<{ n: string }>(`select count(*) as n from ${sql}`, params);
    return Number(row?.n);
  };
  await eventually("everything has settled", async () => {
    const open =
      "transcode.tasks t join transcode.jobs j on j.id = t.job_id where j.asset_id = $1 and t.state <> 'done'";
    same("tasks that are not done", await count(open, id), 0);
    same("leased revisions", await count("packager.revisions where asset_id = $1 and lease_id is not null", id), 0);
    same("uploads on their way", await count("ingestion.uploads where asset_id = $1 and state <> 'completed'", id), 0);
    same("parked events", await count("port_eventbus.deliveries where parked_at is not null"), 0);
    same("undelivered events", await count("port_eventbus.deliveries"), 0);
    for (const schema of ["ingestion", "transcode", "packager", "catalog"]) {
      same(`unsent events of ${schema}`, await count(`${schema}.outbox`), 0);
    }
    const said = await cluster.sql<{ kind: string; n: string }>(
      "select kind, count(*) as n from notification.notifications where subject = $1 and kind like 'upload_%' group by kind",
      [asset],
    );
    const ready = said.filter(({ kind }) => kind === "upload_ready").map(({ n }) => Number(n));
    same("messages that it is ready", ready, [1]);
    const doubled = said.filter(({ kind, n }) => kind.endsWith("playable") && Number(n) > 1);
    same("doubled messages", doubled, []);
    const tools = (await processesOf(cluster.data)).filter((line) =>
      /\b(ffmpeg|ffprobe|packager-linux-\w+) /.test(line),
    );
    same("tools that run", tools, []);
    return true;
  });
}

/** After all rounds of a platform: the stores hold what the rows name and nothing else, and nobody's unfinished files. */
export async function checkStores(cluster: Cluster, assets: readonly string[]): Promise<void> {
  // Spans are kept for a minute, which passes at once.
  await cluster.sql("update transcode.jobs set ended_at = ended_at - interval '1 minute'");
  await eventually("the stores hold what the rows name", async () => {
    const ids = assets.map(idOf).toSorted();
    same(
      "originals",
      await blobKeys(cluster, "originals"),
      ids.map((id) => `${id}/original`),
    );
    const renditions = await cluster.sql<{ key: string }>(
      "select distinct r.blob->>'key' as key from transcode.renditions r where r.blob is not null order by 1",
    );
    same("renditions", await blobKeys(cluster, "mezzanine"), renditions.map(({ key }) => key).toSorted());
    const folders = await cluster.sql<{ folder: string }>(
      "select package_id || '/' || revision || '/' || folder as folder from packager.revisions where folder is not null",
    );
    const stored = new Set((await blobKeys(cluster, "packaged")).map((key) => key.split("/").slice(0, 3).join("/")));
    same("packages", [...stored].toSorted(), folders.map(({ folder }) => folder).toSorted());
    return true;
  });
  // Whoever was killed is known to be dead after a minute, which passes at once; who lives says so again in seconds.
  await ageUnfinished(cluster);
  for (let tries = 0; ; tries++) {
    const left = await unfinished(cluster);
    if (left.length === 0) return;
    if (tries === SWEEP_TRIES) throw new Error(`unfinished files: ${left.join(", ")}`);
    await new Promise((done) => setTimeout(done, 1000));
  }
}

const SWEEP_TRIES = 45;

async function ageUnfinished(cluster: Cluster): Promise<void> {
  const blobs = join(cluster.data, "blobs");
  const before = new Date(Date.now() - 120_000);
  for (const store of await readdir(blobs)) {
    const openings = await readdir(join(blobs, store, "tmp"));
    for (const opening of openings)
      await utimes(join(blobs, store, "tmp", opening), before, before).catch(() => undefined);
  }
}

async function unfinished(cluster: Cluster): Promise<string[]> {
  const blobs = join(cluster.data, "blobs");
  const found: string[] = [];
  for (const store of await readdir(blobs)) {
    const entries = await readdir(join(blobs, store, "tmp"), { recursive: true, withFileTypes: true });
    found.push(...entries.filter((entry) => entry.isFile()).map(({ name }) => `${store}/tmp/${name}`));
    found.push(...(await readdir(join(blobs, store, "multipart"))).map((name) => `${store}/multipart/${name}`));
  }
  return found;
}
