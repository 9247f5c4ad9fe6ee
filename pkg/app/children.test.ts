/** A host with an isolated module as its children: real processes. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./fixtures/isolated.ts", import.meta.url));

interface Line {
  readonly message: string;
  readonly pid?: number;
  readonly secrets?: readonly string[];
}

describe("isolated modules", () => {
  let folder: string;
  let host: ChildProcess;
  let lines: Line[];
  let wake: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-children-"));
    lines = [];
    wake = () => {};
    host = spawn(process.execPath, [SCRIPT], {
      env: {
        PATH: process.env.PATH,
        LISTEN: "127.0.0.1:0",
        DATA: folder,
        WORKERS: "2",
        CALLERS_FILE: join(folder, "callers"),
        POSTGRES_ROLE_SECRET: "no child needs this",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(host.stdout !== null);
    createInterface({ input: host.stdout }).on("line", (text) => {
      lines.push(JSON.parse(text) as Line);
      wake();
    });
  });

  afterEach(async () => {
    host.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  async function until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 50).unref();
      });
    }
  }

  const calls = () => lines.filter((line) => line.message === "called");
  const gone = (pid: number | undefined) => until(() => (existsSync(`/proc/${pid}`) ? undefined : true));

  it("run as often as the setting says, call their host as themselves, and end with it", async () => {
    await until(() => (calls().length === 2 ? true : undefined));
    const text = await readFile(join(folder, "callers"), "utf8");
    assert.deepEqual(
      text
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[0]),
      ["packager", "packager"],
    );
    assert.deepEqual(
      calls().map((line) => line.secrets),
      [[], []],
    );
    // They opened a store, and neither read nor made what its URLs are signed with.
    assert.ok(existsSync(join(folder, "blobs", "originals")));
    assert.ok(!existsSync(join(folder, "secrets", "blobstore")));
    const exited = new Promise<number | null>((resolve) => host.once("exit", resolve));
    host.kill("SIGTERM");
    assert.equal(await exited, 0);
    for (const { pid } of calls()) await gone(pid);
  });

  it("are started again when one dies", async () => {
    const first = await until(() => calls()[0]?.pid);
    process.kill(first, "SIGKILL");
    await until(() => (calls().length === 3 ? true : undefined));
  });

  it("do not outlive a host that is killed", async () => {
    await until(() => (calls().length === 2 ? true : undefined));
    host.kill("SIGKILL");
    for (const { pid } of calls()) await gone(pid);
  });
});
