/** Files that are no films, some of them with bad intentions: each is refused with its reason and leaves nothing. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { runConfined } from "#pkg/process/confined";
import { findConfinement } from "#pkg/process/confinement";
import { SYSTEM_PATH } from "#pkg/process/find";
import { runProgram } from "#pkg/process/run";
import { eventually } from "#pkg/testkit/eventually";
import { toMatineeError } from "../../clients/sdk/errors.ts";
import { openFileSource } from "../../clients/sdk/file-node.ts";
import { Asset_State } from "../../clients/sdk/gen/matinee/ingestion/v1/asset_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import type { FileSource } from "../../clients/sdk/hashing.ts";
import { importFilm } from "../../clients/sdk/import-film.ts";
import { film, scratchFolder } from "./films.ts";
import { ffmpeg } from "./media.ts";
import { operatorOf } from "./people.ts";
import { inEveryTopology } from "./stories.ts";
import { idOf } from "./titles.ts";
import { filesBeside, keptFiles } from "./uploading.ts";

const exec = promisify(execFile);
const SECRET = `a secret of this machine ${randomBytes(16).toString("hex")}`;

inEveryTopology("a file that is no film", (cluster) => {
  let folder: string;
  let whole: string;
  let secret: string;
  let canary: Server;
  const seen: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(await scratchFolder(), "bad-"));
    secret = join(folder, "secret.ts");
    await writeFile(secret, SECRET);
    canary = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.end("#EXTM3U\n");
    });
    await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
    const source = await film({ seconds: 4, width: 320, height: 180, frameRate: "25/1" });
    whole = join(folder, "whole.mp4");
    await ffmpeg(["-i", source, "-map", "0:v", "-map", "0:a", "-c", "copy", whole]);
  });

  after(async () => {
    canary.closeAllConnections();
    await new Promise((resolve) => canary.close(resolve));
  });

  /** Hands the file in and answers why it was refused, once nothing of it is left. */
  async function refusalOf(source: FileSource): Promise<{ readonly reason: string; readonly message: string }> {
    const kept = await keptFiles(cluster());
    const { platform } = await operatorOf(cluster());
    const refusal = await importFilm(platform, { source, until: "playable" }).then(
      () => assert.fail("it was taken for a film"),
      (error: unknown) => toMatineeError(error),
    );
    await eventually("nothing of it is left", async () => {
      assert.deepEqual(await filesBeside(cluster(), kept), []);
      return true;
    });
    return refusal;
  }

  async function write(name: string, content: string | Buffer): Promise<FileSource> {
    const path = join(folder, name);
    await writeFile(path, content);
    return openFileSource(path);
  }

  it("because it is empty", async () => {
    const { reason, message } = await refusalOf(await write("empty.mp4", ""));
    assert.equal(reason, "VALIDATION_FAILED");
    assert.match(message, /size_bytes/);
  });

  it("because it is text", async () => {
    const { reason, message } = await refusalOf(
      await write("text.mp4", "It was a dark and stormy night.\n".repeat(100)),
    );
    assert.equal(reason, "MEDIA_NOT_RECOGNISED");
    assert.match(message, /not a film/);
  });

  it("because it is cut short", async () => {
    const path = join(folder, "truncated.mkv");
    const source = await film({ seconds: 4, width: 320, height: 180, frameRate: "25/1" });
    await writeFile(path, await readFile(source));
    await truncate(path, Math.floor((await stat(path)).size * 0.6));
    const { reason, message } = await refusalOf(await openFileSource(path));
    assert.equal(reason, "MEDIA_TRUNCATED");
    assert.match(message, /cut short/);
    const headless = join(folder, "headless.mp4");
    await writeFile(headless, await readFile(whole));
    await truncate(headless, Math.floor((await stat(headless)).size * 0.6));
    assert.match((await refusalOf(await openFileSource(headless))).reason, /^MEDIA_(TRUNCATED|NOT_RECOGNISED)$/);
  });

  it("because it has no picture", async () => {
    const path = join(folder, "sound.mp4");
    await ffmpeg(["-i", whole, "-map", "0:a:0", "-c", "copy", path]);
    const { reason, message } = await refusalOf(await openFileSource(path));
    assert.equal(reason, "MEDIA_NO_VIDEO");
    assert.match(message, /no video/);
  });

  it("because it has one frame", async () => {
    const path = join(folder, "one.mp4");
    await ffmpeg(["-i", whole, "-map", "0:v", "-frames:v", "1", "-c", "copy", path]);
    const { reason, message } = await refusalOf(await openFileSource(path));
    assert.equal(reason, "MEDIA_TOO_SHORT");
    assert.match(message, /one frame/);
  });

  it("because its last pictures lie years away, and everybody else is served meanwhile", async () => {
    const path = join(folder, "years.mkv");
    const late = "setts=ts=if(gte(N\\,40)\\,TS+3000000000000\\,TS)";
    await ffmpeg(["-i", whole, "-map", "0:v", "-c", "copy", "-bsf:v", late, path]);
    assert.ok((await stat(path)).size < 1_000_000);
    const refusing = refusalOf(await openFileSource(path));
    let answered = 0;
    const looking = new AbortController();
    const watching = (async () => {
      while (!looking.signal.aborted) {
        const response = await fetch(`${cluster().origin}/healthz`, { signal: AbortSignal.timeout(10_000) });
        assert.equal(response.status, 200);
        answered++;
        await delay(50);
      }
    })();
    const { reason, message } = await refusing.finally(() => looking.abort());
    await watching;
    assert.equal(reason, "MEDIA_TOO_LONG");
    assert.match(message, /the limit is 24\.0 h/);
    assert.ok(answered > 1);
  });

  it("but a list of other files, which are not read, wherever they are", async () => {
    const { port } = canary.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}/segment.ts`;
    const past = new Date(Date.now() - 3_600_000);
    const lists = {
      "local.mp4": `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://${secret}\n#EXT-X-ENDLIST\n`,
      "relative.mp4": `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${secret}\n#EXT-X-ENDLIST\n`,
      "remote.mp4": `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${address}\n#EXT-X-ENDLIST\n`,
      "master.mp4": `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${address}\n`,
      "key.mp4": `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI="${address}"\n#EXTINF:4,\n${address}\n`,
      "concat.mp4": `ffconcat version 1.0\nfile '${secret}'\nfile '${address}'\n`,
      "film.mp4": `ffconcat version 1.0\nfile '${whole}'\n`,
      "dash.mp4": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="1" bandwidth="1"><BaseURL>${address}</BaseURL></Representation></AdaptationSet></Period></MPD>\n`,
      "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    };
    for (const [name, text] of Object.entries(lists)) {
      for (const path of [secret, whole]) await utimes(path, past, past);
      const { reason } = await refusalOf(await write(name, text));
      assert.equal(reason, "MEDIA_NOT_RECOGNISED", name);
      for (const path of [secret, whole]) {
        assert.equal(Math.round((await stat(path)).atimeMs), past.getTime(), `${name}: ${path} was read`);
      }
    }
    assert.deepEqual(seen, []);
    const found = await exec("grep", ["-rlF", SECRET, cluster().data]).catch((error: { code?: number }) => error.code);
    assert.equal(found, 1, "the secret is nowhere in what is kept");
  });

  it("nor anything else of this machine, were it to take the tool over that reads it", async () => {
    const { data, origin } = cluster();
    const secrets: string[] = [];
    for (const name of ["secrets", "keys"]) {
      const files = await readdir(join(data, name), { recursive: true, withFileTypes: true });
      secrets.push(...files.flatMap((one) => (one.isFile() ? [join(one.parentPath, one.name)] : [])));
    }
    const hosts: string[] = [];
    for (const pid of await readdir("/proc")) {
      const environment = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "") : "";
      if (environment.split("\0").includes(`DATA=${data}`)) hosts.push(`/proc/${pid}/environ`);
    }
    assert.ok(secrets.length > 0 && hosts.length > 0, `${secrets.length} secrets, ${hosts.length} processes`);
    const attack = `
      for path in ${[...secrets, ...hosts].join(" ")}; do
        test "$(head -c 1 $path 2>/dev/null | wc -c)" = 1 && echo $path
      done
      (exec 3<>/dev/tcp/127.0.0.1/${new URL(origin).port}) 2>/dev/null && echo network
      exit 0`;
    const run = { env: { PATH: SYSTEM_PATH }, limits: { timeMs: 60_000, stdoutBytes: 1_000_000 } };
    const free = await runProgram({ ...run, argv: ["bash", "-c", attack] });
    assert.deepEqual(free.stdout.trim().split("\n").sort(), [...secrets, ...hosts, "network"].sort());
    const confined = await runConfined({ ...run, program: "bash", args: () => ["-c", attack], reads: [], writes: [] });
    assert.equal(confined.how, "done", confined.tail);
    const { kind, lacks } = await findConfinement();
    if (kind === "namespaces") assert.equal(confined.stdout, "");
    else assert.notDeepEqual(lacks, []);
    if (kind === "user") assert.equal(confined.stdout.trim(), "network");
  });

  it("unless only its name is odd: that is made harmless, and the film taken", async () => {
    const { platform } = await operatorOf(cluster());
    const source = await openFileSource(whole);
    for (const name of [
      "../../🎬/../etc/passwd 🦑.mp4",
      "C:\\films\\..\\🎬 one.mp4",
      "\u0000\u202e🎬\n.mp4",
      "%2e%2e%2f$(id);'\".mp4",
    ]) {
      const { asset } = await importFilm(platform, {
        source: { ...source, name, modifiedMs: Math.random() },
        until: "upload",
      });
      const ingestion = platform.client(IngestionService);
      const inspected = await eventually("it is inspected", async () => {
        const answer = await ingestion.getAsset({ name: asset });
        return answer.asset?.state === Asset_State.INSPECTING ? undefined : answer.asset;
      });
      assert.equal(inspected.state, Asset_State.READY, inspected.rejection?.message ?? "");
      assert.doesNotMatch(inspected.fileName, /[/\\\p{Cc}\u202e]/u);
      assert.match(inspected.fileName, /\.mp4$/);
      const mine = (await keptFiles(cluster())).filter((path) => path.includes(idOf(asset)));
      assert.ok(mine.some((path) => path.startsWith(`blobs/originals/objects/${idOf(asset)}/original~`)));
      await ingestion.deleteAsset({ name: asset });
    }
  });
});
