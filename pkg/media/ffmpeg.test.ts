import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#pkg/clock/clock";
import { type AppError, isAppError } from "#pkg/errors/errors";
import { findConfinement } from "#pkg/process/confinement";
import { refused } from "#pkg/testkit/refused";
import { inputArgs, type Progress, progressParser, runTool } from "./ffmpeg.ts";
import { testPicture, X264 } from "./fixtures.ts";
import { ENCODERS, openTools } from "./tools.ts";

describe("the runner of media tools", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-run-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Runs until it is stopped, and is found by the name that it is given. */
  const endless = (output: string) => [
    "-v",
    "error",
    "-re",
    ...testPicture("64x64", "25", 3600),
    ...X264,
    "-metadata",
    `comment=${output}`,
    "-f",
    "mpegts",
    `file:${output}`,
  ];

  it("says at the start which versions there are, and how far their rights are taken", async () => {
    const lines: { readonly level: string; readonly fields: Record<string, unknown> }[] = [];
    const log = {
      ...{ debug() {}, error() {}, fatal() {}, child: () => log },
      info: (fields: object) => void lines.push({ level: "info", fields: { ...fields } }),
      warn: (fields: object) => void lines.push({ level: "warn", fields: { ...fields } }),
    };
    await openTools(["ffmpeg", "ffprobe"], ENCODERS, log);
    const [line] = lines;
    assert.equal(lines.length, 1);
    assert.match(String(line?.fields.ffmpeg), /^\d|^n/i);
    assert.match(String(line?.fields.ffprobe), /^\d|^n/i);
    const { kind, lacks } = await findConfinement();
    assert.equal(line?.level, lacks.length === 0 ? "info" : "warn");
    if (kind === "namespaces") assert.match(String(line?.fields.run), /namespaces .*without network/);
    for (const lack of lacks) assert.ok(String(line?.fields.run).includes(lack));
    await assert.rejects(openTools(["ffmpeg"], ["libnone"], log), (error) => {
      assert.ok(isAppError(error, "MEDIA_TOOL_LACKS"));
      assert.match(error.message, /libnone.*apt-get install ffmpeg/);
      return true;
    });
  });

  it("reports a failure with the tool's last lines", async () => {
    const text = join(folder, "text.mp4");
    await writeFile(text, "This is no film.\n");
    const run = runTool({ tool: "ffmpeg", args: ["-v", "error", ...inputArgs(text), "-f", "null", "-"] });
    await assert.rejects(run, (error) => {
      assert.ok(isAppError(error, "MEDIA_TOOL_FAILED"));
      assert.match(error.metadata.log ?? "", /Invalid data found/);
      assert.equal(error.metadata.exit, "exit code 1");
      return true;
    });
  });

  it("kills a tool that takes too long", async () => {
    const output = join(folder, "late.ts");
    const run = runTool({ tool: "ffmpeg", args: endless(output), timeoutMs: 300 });
    await assert.rejects(run, refused("MEDIA_TOOL_TIMEOUT"));
    assert.deepEqual(await processesNaming(output), []);
  });

  it("kills the tool when its work is cancelled, and throws the reason", async () => {
    const output = join(folder, "cancelled.ts");
    const abort = new AbortController();
    const run = runTool({
      tool: "ffmpeg",
      args: endless(output),
      signal: abort.signal,
      onProgress: () => abort.abort(new Error("cancelled")),
    });
    await assert.rejects(run, /cancelled/);
    assert.deepEqual(await processesNaming(output), []);
    await assert.rejects(runTool({ tool: "ffmpeg", args: [], signal: abort.signal }), /cancelled/);
  });

  it("stops a tool that writes more than it may", async () => {
    const args = [
      "-v",
      "error",
      ...testPicture("640x360", "25", 20),
      "-c:v",
      "rawvideo",
      "-f",
      "rawvideo",
      `file:${join(folder, "big.yuv")}`,
    ];
    const run = runTool({ tool: "ffmpeg", args, maxOutputBytes: 1_000_000 });
    await assert.rejects(run, refused("MEDIA_OUTPUT_TOO_LARGE"));
  });

  it("tells the tool nothing of what is in this process' environment", async () => {
    const output = join(folder, "environment.ts");
    const abort = new AbortController();
    process.env.MATINEE_TEST_SECRET = "hunter2";
    let seen = "";
    const run = runTool({
      tool: "ffmpeg",
      args: endless(output),
      signal: abort.signal,
      onProgress: () => {
        const [pid] = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isTool(commandOf(name), output));
        seen = readFileSync(`/proc/${pid}/environ`, "utf8");
        abort.abort(new Error("seen"));
      },
    });
    await assert.rejects(run, /seen/);
    delete process.env.MATINEE_TEST_SECRET;
    assert.match(seen, /PATH=/);
    assert.doesNotMatch(seen, /hunter2/);
  });

  it("leaves no tool behind when its own process is killed", async () => {
    const output = join(folder, "orphan.ts");
    const script = `
      import { runTool } from "#pkg/media/ffmpeg";
      await runTool({ tool: "ffmpeg", args: ${JSON.stringify(endless(output))} });`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    await until(async () => (await processesNaming(output)).some((command) => isTool(command, output)));
    parent.kill("SIGKILL");
    await once(parent, "close");
    await until(async () => (await processesNaming(output)).length === 0);
  });

  it("reads how far ffmpeg is", () => {
    const seen: Progress[] = [];
    const take = progressParser((progress) => seen.push(progress));
    const text =
      "frame=0\nout_time_us=N/A\nspeed=N/A\nprogress=continue\nframe=48\nfps=20\nout_time_us=2002000\nspeed=1.5x\nprogress=end\n";
    for (const line of text.split("\n")) take(line);
    assert.deepEqual(seen, [
      { frame: 0, outTimeMs: 0, speed: undefined },
      { frame: 48, outTimeMs: 2002, speed: 1.5 },
    ]);
  });

  it("reports progress of a run to its end", async () => {
    const seen: Progress[] = [];
    const args = ["-v", "error", ...testPicture("64x64", "25", 2), ...X264, `file:${join(folder, "progress.mp4")}`];
    await runTool({ tool: "ffmpeg", args, onProgress: (progress) => seen.push(progress) });
    assert.equal(seen.at(-1)?.frame, 50);
  });

  it("says that a tool is missing, and how to get it", async () => {
    const script = `
      import { openTools } from "#pkg/media/tools";
      await openTools(["ffmpeg"], [], {}).catch((error) => process.stdout.write(JSON.stringify({ reason: error.reason, message: error.message })));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      env: { PATH: folder },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    await once(child, "close");
    const error = JSON.parse(text) as Pick<AppError, "reason" | "message">;
    assert.equal(error.reason, "MEDIA_TOOL_MISSING");
    assert.match(error.message, /apt-get install ffmpeg/);
  });
});

/** Command lines of the living processes that name a file. */
async function processesNaming(name: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(name)) found.push(command);
  }
  return found;
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** The tool itself, not what stands before it on the command line. */
const isTool = (command: string, name: string) => /^\S*ffmpeg\0/.test(command) && command.includes(name);

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(20);
}
