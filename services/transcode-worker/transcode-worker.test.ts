import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Protection } from "#gen/matinee/common/v1/media_pb";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { AssetDeletedSchema, AssetIngestedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import {
  type RenditionsReady,
  RenditionsReadySchema,
  TranscodeFailedSchema,
} from "#gen/matinee/transcode/v1/events_pb";
import { type Job, Job_State } from "#gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import { defineModule } from "#pkg/app/module";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { newId } from "#pkg/clock/clock";
import { inputArgs, runTool } from "#pkg/media/ffmpeg";
import { makeFilm } from "#pkg/media/fixtures";
import { type MediaInfo, probe } from "#pkg/media/probe";
import { proofFor } from "#pkg/rpc/loopback";
import { eventually } from "#pkg/testkit/eventually";
import { fake, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { transcode } from "../transcode/module.ts";
import { transcodeWorker } from "./module.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const LOOPBACK_SECRET = "ab".repeat(32);

interface Stores {
  readonly originals: BlobStore;
  readonly mezzanine: BlobStore;
  readonly images: BlobStore;
}

/** A host with transcode, and a look into its stores. */
async function openStudio(modules: Parameters<typeof openModules>[0], settings: Record<string, string> = {}) {
  let stores: Stores | undefined;
  const shown = defineModule({
    ...{ name: "test-stores", summary: "Shows the stores to a test", owns: [], config: {}, serves: [], routes: [] },
    ...{ calls: [], needs: ["originals", "mezzanine", "images"], emits: [], consumes: [] },
    async open({ originals, mezzanine, images }) {
      stores = { originals, mezzanine, images };
      return {};
    },
  });
  const ingestion = fake(IngestionService, { getAsset: async () => ({ asset: { state: Asset_State.READY } }) });
  const platform = await openModules([transcode, ...modules, shown], {
    fakes: [ingestion],
    settings: {
      LOOPBACK_SECRET,
      TRANSCODE_LEASE: "2s",
      TRANSCODE_SWEEP: "100ms",
      TRANSCODE_RETRY_DELAY: "50ms",
      ...settings,
    },
  });
  if (stores === undefined) throw new Error("the host is not open");
  return { platform, stores };
}

/** Stores a film and says that it was ingested. */
async function ingest(platform: TestPlatform, stores: Stores, path: string, changes: Partial<MediaInfo["video"]> = {}) {
  const assetId = newId();
  const info = await probe(path);
  const stored = await stores.originals.putFile(`${assetId}/original`, path);
  const video = { ...info.video, ...changes };
  await platform.publish(AssetIngestedSchema, {
    asset: `assets/${assetId}`,
    owner: `accounts/${newId()}`,
    fileName: "film.mkv",
    original: {
      ...{ store: "originals", key: stored.key, sha256: stored.sha256 ?? "ab".repeat(32) },
      sizeBytes: BigInt(stored.sizeBytes),
    },
    protection: Protection.CBCS,
    media: {
      video: {
        ...{ streamIndex: video.index, displayWidth: video.displayWidth, displayHeight: video.displayHeight },
        frameRate: { numerator: BigInt(video.frameRate.num), denominator: BigInt(video.frameRate.den) },
        frameCount: BigInt(video.frameCount),
        keyframes: video.keyframes.map(({ frame }) => BigInt(frame)),
        isConstantFrameRate: video.isConstantFrameRate,
      },
      audio: info.audio.map((stream) => ({
        streamIndex: stream.index,
        language: stream.language,
        isDefault: stream.isDefault,
      })),
      text: info.text.map((stream) => ({ streamIndex: stream.index, language: stream.language })),
    },
  });
  return `assets/${assetId}`;
}

/** ffmpeg with inputs of its own making, which the allow-lists of film files would refuse. */
const ffmpeg = (args: readonly string[]) => makeFilm(args.at(-1) ?? "", args.slice(0, -1));

/** What ffprobe sees in a stored MP4: times of its packets, and which begin a group. */
async function packetsOf(path: string): Promise<{ readonly seconds: number; readonly isKey: boolean }[]> {
  const show = ["-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"];
  const { stdout } = await runTool({ tool: "ffprobe", args: ["-v", "error", ...show, ...inputArgs(path)] });
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [seconds, flags] = line.split(",");
      return { seconds: Number(seconds), isKey: flags?.startsWith("K") === true };
    });
}

describe("a worker on a machine without FFmpeg", () => {
  it("does not open, and says what is missing and how to get it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-no-tools-"));
    const env = { PATH: folder, DATA: folder, LISTEN: "off", INTERNAL_LISTEN: "off", LOOPBACK_PROOF: "ab".repeat(32) };
    const child = spawn(process.execPath, [MAIN, "--target=transcode-worker"], {
      env: { ...env, TRANSCODE_ADDR: "127.0.0.1:9" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    const [code] = await once(child, "close");
    await rm(folder, { recursive: true, force: true });
    assert.notEqual(code, 0);
    assert.match(said, /ffmpeg is not installed; on Debian: apt-get install ffmpeg/);
  });
});

describe("transcode-worker", function () {
  this.timeout(120_000);
  let folder: string;
  let film: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-worker-"));
    film = join(folder, "film.mkv");
    const captions = join(folder, "captions.srt");
    await writeFile(captions, "1\n00:00:01,000 --> 00:00:03,000\nGood evening.\n\n");
    await ffmpeg([
      ...["-f", "lavfi", "-i", "testsrc2=s=640x360:r=24000/1001:d=14"],
      ...["-f", "lavfi", "-i", "sine=f=440:d=14", "-f", "lavfi", "-i", "sine=f=880:d=13", "-i", captions],
      ...["-map", "0", "-map", "1", "-map", "2", "-map", "3"],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-g", "100", "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s", "srt"],
      ...[
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=ger",
        "-metadata:s:s:0",
        "language=eng",
        "-disposition:a:0",
        "default",
      ],
      film,
    ]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const jobOf = async (platform: TestPlatform, asset: string): Promise<Job | undefined> => {
    const client = platform.client(TranscodeService, { as: operator(["jobs.read"]) });
    return (await client.listJobs({ asset })).jobs[0];
  };
  const completeOf = (platform: TestPlatform, asset: string): Promise<RenditionsReady> =>
    platform.nextEvent(RenditionsReadySchema, (event) => event.asset === asset && event.isComplete);

  it("turns a film into renditions of exactly its frames, with groups of pictures at the same times", async () => {
    const { platform, stores } = await openStudio([transcodeWorker]);
    await using _ = platform;
    const asset = await ingest(platform, stores, film);
    const ready = await completeOf(platform, asset);
    const { frameCount } = (await probe(film)).video;
    const starts = new Set<string>();
    for (const { track, blob } of ready.tracks) {
      assert.ok(track && blob);
      const path = join(folder, track.id);
      await stores.mezzanine.getFile(blob.key, path);
      if (track.id.startsWith("video")) {
        const packets = await packetsOf(path);
        assert.equal(packets.length, frameCount, track.id);
        const keys = packets.filter(({ isKey }) => isKey).map(({ seconds }) => seconds.toFixed(4));
        starts.add(keys.join());
      } else if (track.id.startsWith("audio")) {
        const { stdout } = await runTool({
          tool: "ffprobe",
          args: ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", ...inputArgs(path)],
        });
        assert.ok(Math.abs(Number(stdout) - (frameCount * 1001) / 24000) < 0.05, `${track.id} lasts ${stdout}`);
      } else {
        assert.match(await readFile(path, "utf8"), /Good evening\./);
      }
    }
    assert.equal(starts.size, 1);
    assert.deepEqual(
      ready.tracks.map(({ track }) => track?.id),
      ["video-240p", "video-360p", "audio-en-1", "audio-de-2", "text-en-3"],
    );
    const posters = ready.posters.map(({ key }) => key);
    assert.ok(posters.length > 1 && new Set(posters).size === posters.length, posters.join());
    const kinds = posters.map((key) => key.slice(key.lastIndexOf(".") + 1));
    assert.deepEqual([kinds[0], new Set(kinds)], ["jpg", new Set(["jpg", "webp"])]);
    assert.equal((await jobOf(platform, asset))?.state, Job_State.SUCCEEDED);
    const leftovers = await readdir(
      join(platform.data, "scratch", "transcode-worker", String(process.pid), "task"),
    ).catch(() => []);
    assert.deepEqual(leftovers, []);
  });

  it("fails a job at once, with the reason, when the stored film is not the planned one", async () => {
    const { platform, stores } = await openStudio([transcodeWorker]);
    await using _ = platform;
    const asset = await ingest(platform, stores, film, { frameCount: 400 });
    const failed = await platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "WORKER_SOURCE_MISMATCH");
  });

  it("fails a job at once when the original is gone", async () => {
    const { platform, stores } = await openStudio([transcodeWorker]);
    await using _ = platform;
    const originals: BlobStore = Object.create(stores.originals, {
      putFile: { value: async (key: string) => ({ key, sizeBytes: 1, sha256: undefined }) },
    });
    const asset = await ingest(platform, { ...stores, originals }, film);
    const failed = await platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "BLOB_NOT_FOUND");
  });

  it("tries again what may be the machine's fault, then shows what FFmpeg was stopped for", async () => {
    const { platform, stores } = await openStudio([transcodeWorker], { TRANSCODE_WORKER_MAX_OUTPUT_BYTES: "1048576" });
    await using _ = platform;
    const noise = join(folder, "noise.mp4");
    await ffmpeg([
      ...["-f", "lavfi", "-i", "testsrc2=s=426x240:r=25:d=4,noise=alls=100:allf=t"],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", noise],
    ]);
    // As tall as it is planned, so that the bit rate is high enough.
    const asset = await ingest(platform, stores, noise, { displayWidth: 1920, displayHeight: 1080 });
    const failed = await platform.nextEvent(TranscodeFailedSchema, (event) => event.asset === asset);
    assert.equal(failed.reason, "MEDIA_OUTPUT_TOO_LARGE");
    const job = await jobOf(platform, asset);
    assert.equal(job?.state, Job_State.FAILED);
  });

  it("gives its task back when the host ends, and another finishes the film", async () => {
    const { platform, stores } = await openStudio([]);
    await using _ = platform;
    await using first = startWorker(platform);
    const asset = await ingest(platform, stores, film);
    const client = platform.client(TranscodeService, { as: operator(["jobs.read"]) });
    await eventually("a task runs", async () => ((await jobOf(platform, asset))?.progress?.activeWorkers ?? 0) > 0);
    const { name } = (await jobOf(platform, asset)) ?? { name: "" };
    await first.stop("SIGTERM");
    const { job } = await client.getJob({ name });
    assert.equal(job?.progress?.activeWorkers, 0);
    assert.deepEqual(await ffmpegsOf(platform), []);
    await using __ = startWorker(platform);
    await completeOf(platform, asset);
  });

  it("leaves no FFmpeg behind when it is killed in the middle of a chunk, and another finishes the film once", async () => {
    const { platform, stores } = await openStudio([]);
    await using _ = platform;
    await using first = startWorker(platform);
    const asset = await ingest(platform, stores, film);
    await eventually("a chunk is being encoded", async () =>
      (await ffmpegsOf(platform)).some((args) => args.includes("libx264")),
    );
    await first.stop("SIGKILL");
    await eventually("no FFmpeg is left", async () => (await ffmpegsOf(platform)).length === 0);
    await using __ = startWorker(platform);
    const ready = await completeOf(platform, asset);
    const { frameCount } = (await probe(film)).video;
    assert.ok(ready.tracks.every(({ frameCount: found }) => found === 0n || Number(found) === frameCount));
    const finals = platform.events(RenditionsReadySchema).filter((event) => event.asset === asset && event.isComplete);
    assert.equal(finals.length, 1);
  });

  it("stops FFmpeg within seconds when the asset is deleted, and leaves nothing of it stored", async () => {
    const { platform, stores } = await openStudio([transcodeWorker], { TRANSCODE_WORKER_REPORT: "100ms" });
    await using _ = platform;
    const long = join(folder, "long.mp4");
    await ffmpeg([
      ...["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=60", "-c:v", "libx264", "-preset", "ultrafast", "-y"],
      long,
    ]);
    const asset = await ingest(platform, stores, long);
    await eventually("a chunk is being encoded", async () => (await ffmpegsOf(platform)).length > 0);
    await platform.publish(AssetDeletedSchema, { asset });
    await eventually("FFmpeg has stopped", async () => (await ffmpegsOf(platform)).length === 0);
    assert.equal((await jobOf(platform, asset))?.state, Job_State.CANCELED);
    await eventually("nothing is stored", async () => {
      for (const store of [stores.mezzanine, stores.images]) {
        for await (const _blob of store.list(`${asset.slice("assets/".length)}/`)) return false;
      }
      return true;
    });
  });
});

interface RunningWorker extends AsyncDisposable {
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** A worker as a process of its own, as a host starts it. */
function startWorker(platform: TestPlatform): RunningWorker {
  const child: ChildProcess = spawn(process.execPath, [MAIN, "--target=transcode-worker"], {
    env: {
      PATH: process.env.PATH ?? "",
      DATA: platform.data,
      LISTEN: "off",
      INTERNAL_LISTEN: "off",
      LOOPBACK_PROOF: proofFor(LOOPBACK_SECRET, "transcode-worker"),
      TRANSCODE_ADDR: new URL(platform.internalUrl).host,
      INSTANCE: newId(),
    },
    stdio: "ignore",
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  return { stop, [Symbol.asyncDispose]: () => stop("SIGTERM") };
}

/** Command lines of running FFmpegs that work in the platform's folder. */
async function ffmpegsOf(platform: TestPlatform): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (/(^|\/)ffmpeg\0/.test(line) && line.includes(platform.data)) found.push(line.replaceAll("\0", " "));
  }
  return found;
}
