import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { SYSTEM_PATH } from "./find.ts";
import { type Limits, type ProgramRun, runProgram } from "./run.ts";

const LIMITS: Limits = { timeMs: 60_000, stdoutBytes: 1_000_000 };

describe("running a program", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-process-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const shell = (script: string, changes: Partial<ProgramRun> = {}) =>
    runProgram({ argv: ["sh", "-c", script], env: { PATH: SYSTEM_PATH }, cwd: folder, limits: LIMITS, ...changes });
  /** Command lines of the living processes that name it. */
  const living = async (name: string) => {
    const found: string[] = [];
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (command.includes(name)) found.push(command);
    }
    return found;
  };

  it("answers with what it printed and the last lines of what it complained of", async () => {
    const ended = await shell("echo out; for i in $(seq 30); do echo line $i >&2; done; exit 3");
    assert.equal(ended.how, "failed");
    assert.equal(ended.exit, "exit code 3");
    assert.equal(ended.stdout, "out\n");
    assert.equal(ended.tail.split("\n").length, 20);
    assert.match(ended.tail, /line 30$/);
    assert.equal((await shell("true")).how, "done");
  });

  it("says that there is no such program, whether looked for by name or by path", async () => {
    for (const name of ["no-such-program", "/no/such/program", folder]) {
      const ended = await runProgram({ argv: [name], env: { PATH: SYSTEM_PATH }, limits: LIMITS });
      assert.equal(ended.how, "missing", name);
    }
    assert.equal((await runProgram({ argv: ["sh"], env: { PATH: "" }, limits: LIMITS })).how, "missing");
  });

  it("shows it the given environment and nothing else", async () => {
    process.env.MATINEE_TEST_SECRET = "hunter2";
    try {
      const { stdout } = await shell("env", { env: { PATH: SYSTEM_PATH, SHOWN: "yes" } });
      assert.match(stdout, /^SHOWN=yes$/m);
      assert.doesNotMatch(stdout, /hunter2/);
    } finally {
      delete process.env.MATINEE_TEST_SECRET;
    }
  });

  it("kills it and everything that it started at the time limit, and when its work is cancelled", async () => {
    const mark = join(folder, "endless");
    const script = `sh -c 'sleep 1000; : ${mark}' & sleep 1000; : ${mark}`;
    assert.equal((await shell(script, { limits: { ...LIMITS, timeMs: 300 } })).how, "late");
    await eventually("all of it is gone", async () => (await living(mark)).length === 0);
    const abort = new AbortController();
    const running = shell(script, { signal: abort.signal });
    await eventually("both run", async () => (await living(mark)).length >= 2);
    abort.abort(new Error("enough"));
    await assert.rejects(running, /enough/);
    await eventually("all of it is gone", async () => (await living(mark)).length === 0);
    await assert.rejects(shell("true", { signal: abort.signal }), /enough/);
  });

  it("kills what it left behind when it ended in order", async () => {
    const mark = join(folder, "left");
    const ended = await shell(`sh -c 'sleep 1000; : ${mark}' >/dev/null 2>&1 & exit 0`);
    assert.equal(ended.how, "done");
    await eventually("it is gone", async () => (await living(mark)).length === 0);
  });

  it("stops it where it prints more than it may, in lines or without end of a line", async () => {
    const limits = { ...LIMITS, stdoutBytes: 100_000 };
    assert.equal((await shell("yes", { limits })).how, "too much");
    let lines = 0;
    const onLine = () => {
      lines++;
    };
    assert.equal((await shell("yes", { limits, onLine })).how, "too much");
    assert.ok(lines <= 50_000, `${lines} lines`);
    assert.equal((await shell("cat /dev/zero", { onLine, limits: { ...LIMITS, stdoutBytes: 1e9 } })).how, "too much");
  });

  it("ends with what the taker of its lines threw", async () => {
    const onLine = () => {
      throw new Error("no more");
    };
    await assert.rejects(shell("yes", { onLine }), /no more/);
  });

  it("stops it where it writes a larger file than it may", async () => {
    const limits = { ...LIMITS, fileBytes: 10_000 };
    assert.equal((await shell("exec head -c 1000000 /dev/zero > big", { limits })).how, "too much");
    assert.ok((await stat(join(folder, "big"))).size <= 10_000);
  });

  it("bounds its memory, its processor time and its open files", async () => {
    const limits = { ...LIMITS, memoryBytes: 512 * 1024 ** 2, cpuSeconds: 2, openFiles: 20 };
    const { stdout } = await shell("ulimit -v; ulimit -t; ulimit -n; ulimit -c", { limits });
    assert.deepEqual(stdout.trim().split("\n"), [String(512 * 1024), "2", "20", "0"]);
    assert.equal(
      (await shell("exec sh -c 'while :; do :; done'", { limits: { ...LIMITS, cpuSeconds: 1 } })).how,
      "failed",
    );
  });

  it("takes its privileges away, for good", async () => {
    const show = "grep -E '^(Cap(Eff|Prm|Bnd|Inh|Amb)|NoNewPrivs)' /proc/self/status";
    const { stdout, tail } = await shell(show, { withoutPrivileges: true });
    const seen = Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/:\s+/)),
    );
    assert.equal(seen.NoNewPrivs, "1", tail);
    for (const set of ["CapEff", "CapPrm", "CapInh", "CapAmb"]) assert.match(seen[set] ?? "", /^0+$/, set);
    if (process.getuid?.() === 0) assert.match(seen.CapBnd ?? "", /^0+$/);
  });

  it("leaves none behind when its own process is killed", async () => {
    const mark = join(folder, "orphan");
    const script = `
      const { runProgram } = await import(${JSON.stringify(new URL("./run.ts", import.meta.url).href)});
      await runProgram({ argv: ["sh", "-c", "sleep 1000; : ${mark}"], env: { PATH: "/usr/bin:/bin" },
        limits: { timeMs: 1e6, stdoutBytes: 1e6 } });`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    await eventually("it runs", async () => (await living(mark)).some((command) => /^\S*\/sh\0/.test(command)));
    parent.kill("SIGKILL");
    await once(parent, "close");
    await eventually("it is gone", async () => (await living(mark)).length === 0);
  });
});
