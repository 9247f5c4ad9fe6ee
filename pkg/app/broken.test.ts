/** A process with an error that nobody handled: real processes. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./fixtures/breaking.ts", import.meta.url));

interface Line {
  readonly level: string;
  readonly message: string;
  readonly pid?: number;
  readonly publicUrl?: string;
  readonly ended?: string;
  readonly err?: { readonly message: string; readonly stack: string };
}

describe("an error that nobody handled", () => {
  let folder: string;
  let host: ChildProcess;
  let lines: Line[];
  let errors: string;

  async function start(targets: string): Promise<void> {
    lines = [];
    errors = "";
    host = spawn(process.execPath, [SCRIPT, `--target=${targets}`], {
      env: { PATH: process.env.PATH, LISTEN: "127.0.0.1:0", DATA: folder, WORKERS: "1", LOG_LEVEL: "info" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    assert.ok(host.stdout !== null && host.stderr !== null);
    createInterface({ input: host.stdout }).on("line", (text) => lines.push(JSON.parse(text) as Line));
    host.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
  }
  async function line(matches: (line: Line) => boolean, count = 1): Promise<Line> {
    for (;;) {
      const found = lines.filter(matches)[count - 1];
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-broken-"));
  });
  afterEach(async () => {
    host.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  for (const [way, message] of [
    ["exception", "thrown in a callback"],
    ["event", "an event without a listener"],
    ["rejection", "a promise that nobody awaits"],
  ] as const) {
    it(`is logged with its stack; what is being answered is finished, and the process ends with 1: ${way}`, async () => {
      await start("catalog");
      const origin = (await line(({ message }) => message === "serving")).publicUrl;
      const exited = once(host, "exit");
      const slow = await fetch(`${origin}/slow`);
      await fetch(`${origin}/break/${way}`);
      assert.equal(await slow.text(), "begun ended");
      assert.deepEqual(await exited, [1, null]);
      const fatal = await line(({ level }) => level === "fatal");
      assert.equal(fatal.err?.message, message);
      assert.match(fatal.err?.stack ?? "", /breaking\.ts:\d+/);
      assert.ok(lines.some((one) => one.message === "closed"));
      assert.ok(errors.includes(message));
    });
  }

  it("ends a child alike, which is started again; the host goes on", async () => {
    await start("all");
    const origin = (await line(({ message }) => message === "serving" && true)).publicUrl;
    await line(({ level, err }) => level === "fatal" && err?.message === "in a child");
    await line(({ ended }) => ended === "exit code 1");
    await line(({ message }) => message === "at work", 2);
    assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    assert.equal(host.exitCode, null);
  });
});
