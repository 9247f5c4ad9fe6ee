import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog } from "#pkg/testkit/postgres";
import { runShakaPackager } from "./run.ts";

const run = promisify(execFile);
/** Opening a pipe that nobody writes to blocks: a packager that never ends. */
const ARGS = ["in=pipe.mp4,stream=video,out=out.mp4", "--quiet"];

/** Processes whose working directory is the folder. */
async function processesIn(folder: string): Promise<string[]> {
  const { readlink } = await import("node:fs/promises");
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    if ((await readlink(`/proc/${pid}/cwd`).catch(() => "")) === folder) found.push(pid);
  }
  return found;
}

describe("running Shaka Packager", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-shaka-"));
    await run("mkfifo", [join(folder, "pipe.mp4")]);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const options = () => ({ folder, timeLimitMs: 60_000, signal: new AbortController().signal, log: quietLog });

  it("ends with the signal's reason when it is aborted, and leaves no process", async () => {
    const abort = new AbortController();
    const running = runShakaPackager({ ...options(), args: ARGS, signal: abort.signal });
    await eventually("it runs", async () => (await processesIn(folder)).length > 0);
    abort.abort(new Error("enough"));
    await assert.rejects(running, /enough/);
    await eventually("it is gone", async () => (await processesIn(folder)).length === 0);
  });

  it("is killed at its time limit", async () => {
    await assert.rejects(runShakaPackager({ ...options(), args: ARGS, timeLimitMs: 300 }), (error) =>
      isAppError(error, "PACKAGER_TIME_LIMIT"),
    );
    await eventually("it is gone", async () => (await processesIn(folder)).length === 0);
  });

  it("fails with its last lines", async () => {
    await assert.rejects(
      runShakaPackager({ ...options(), args: ["in=nowhere.mp4,stream=video,out=out.mp4", "--quiet"] }),
      (error) => isAppError(error, "PACKAGER_FAILED") && /nowhere\.mp4/.test(error.message),
    );
  });

  it("dies with us, even when we are killed", async () => {
    const script = join(folder, "host.ts");
    const module = new URL("./run.ts", import.meta.url).href;
    await writeFile(
      script,
      `const { runShakaPackager } = await import(${JSON.stringify(module)});
       const log = { debug() {} };
       await runShakaPackager({ args: ${JSON.stringify(ARGS)}, folder: ${JSON.stringify(folder)}, timeLimitMs: 600000,
         signal: new AbortController().signal, log });`,
    );
    const host = spawn(process.execPath, [script], { stdio: "ignore" });
    await eventually("the packager runs", async () => {
      const [pid] = await processesIn(folder);
      return pid !== undefined && /packager-linux/.test(await readFile(`/proc/${pid}/cmdline`, "utf8"));
    });
    host.kill("SIGKILL");
    await eventually("the packager is gone", async () => (await processesIn(folder)).length === 0);
  });
});
