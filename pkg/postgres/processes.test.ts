import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { eventually } from "#pkg/testkit/eventually";
import { isSameProcess, processStartTime } from "./processes.ts";

describe("a process of an earlier host", () => {
  it("is gone once it has ended, also while nobody has asked how", async () => {
    // The shell becomes a program that never asks how its children ended.
    const parent = spawn("sh", ["-c", "cat <&3 >/dev/null & echo $!; exec sleep 600 3<&-"], {
      stdio: ["ignore", "pipe", "inherit", "pipe"],
    });
    try {
      const [line] = (await once(createInterface({ input: parent.stdout as NodeJS.ReadableStream }), "line")) as [
        string,
      ];
      const pid = Number(line);
      const startTime = await processStartTime(pid);
      assert.notEqual(startTime, "");
      assert.ok(await isSameProcess(pid, startTime));
      parent.stdio[3]?.destroy();
      await eventually("it has ended and its entry is there", async () =>
        /\) Z /.test(await readFile(`/proc/${pid}/stat`, "utf8")),
      );
      assert.equal(await processStartTime(pid), "");
      assert.equal(await isSameProcess(pid, startTime), false);
    } finally {
      parent.kill("SIGKILL");
    }
  });

  it("is not the same as one that is not there, where it was gone before its start was read", async () => {
    const child = spawn("true");
    await once(child, "exit");
    const pid = child.pid ?? 0;
    const startTime = await processStartTime(pid);
    assert.equal(startTime, "");
    assert.equal(await isSameProcess(pid, startTime), false);
  });
});
