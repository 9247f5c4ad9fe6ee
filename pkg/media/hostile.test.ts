import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isAppError } from "#pkg/errors/errors";
import { findConfinement } from "#pkg/process/confinement";
import { freePorts } from "#pkg/testkit/ports";
import { longestTurnMs } from "#pkg/testkit/turns";
import { runTool } from "./ffmpeg.ts";
import { type HostileFilm, hostileFilms } from "./fixtures/hostile.ts";
import { makeFilm, testPicture, X264 } from "./fixtures.ts";
import { probe } from "./probe.ts";

const MAX_TURN_MS = 100;
const MAX_MEMORY_BYTES = 300 * 1024 ** 2;
const past = new Date("2020-01-01T00:00:00Z");

describe("hostile films", function () {
  this.timeout(120_000);
  let folder: string;
  let films: readonly HostileFilm[];
  let server: Server;
  let file: string;
  let port: number;
  const asked: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-hostile-"));
    file = join(await mkdtemp(join(tmpdir(), "matinee-canary-")), "canary.ts");
    await makeFilm(file, [...testPicture("64x64", "25", 1), ...X264]);
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/canary.ts`;
    [port = 0] = await freePorts(1);
    films = await hostileFilms(folder, { file, address, port });
  });
  after(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
    await rm(join(file, ".."), { recursive: true, force: true });
  });

  /** Whether a canary was reached meanwhile. */
  async function reached(action: () => Promise<unknown>): Promise<boolean> {
    asked.length = 0;
    await utimes(file, past, past);
    // Whoever opens the port waits there for packets that do not come, so that looking now and then is enough.
    let isOpened = false;
    const looking = setInterval(async () => {
      isOpened ||= (await readFile("/proc/net/udp", "latin1")).includes(`:${port.toString(16).toUpperCase()} `);
    }, 50);
    await action().finally(() => clearInterval(looking));
    return isOpened || asked.length > 0 || (await stat(file)).atimeMs !== past.getTime();
  }

  it("are refused with their reason or taken without harm, while nobody waits, and leave nothing", async () => {
    // What is loaded and compiled at the first use is no film's doing.
    await probe(file);
    const before = { files: await readdir(folder), memory: process.memoryUsage().rss };
    for (const { name, path, refusedAs } of films) {
      let turnMs = 0;
      let said = "taken";
      const isReached = await reached(async () => {
        turnMs = await longestTurnMs(async () => {
          try {
            await probe(path);
          } catch (error) {
            assert.ok(isAppError(error) && error.kind === "invalid_argument", `${name}: ${error}`);
            said = error.reason;
          }
        });
      });
      assert.ok(refusedAs.length === 0 ? said === "taken" : refusedAs.includes(said), `${name} was ${said}`);
      assert.ok(!isReached, `${name} reached a canary`);
      assert.ok(turnMs < MAX_TURN_MS, `${name} held the event loop up for ${turnMs} ms`);
    }
    assert.ok(process.memoryUsage().rss - before.memory < MAX_MEMORY_BYTES);
    assert.deepEqual(await readdir(folder), before.files);
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      assert.ok(!command.includes(folder), command.replaceAll("\0", " "));
    }
  });

  it("reach what they name without the guards, where any tool follows it, but not without the allow-lists alone", async () => {
    const { kind } = await findConfinement();
    const show = ["-v", "error", "-show_packets"];
    const controls: string[] = [];
    for (const { name, path, unguarded } of films) {
      if (unguarded === undefined) continue;
      const { options, reaches } = unguarded;
      const free = () => promisify(execFile)("ffprobe", [...show, ...options, "-i", path]).catch(() => undefined);
      assert.equal(
        await reached(free),
        reaches,
        `${name} unguarded; if no canary is reached, its refusal shows nothing`,
      );
      if (!reaches) continue;
      controls.push(name);
      const args = [...show, ...options, "-i", `file:${path}`];
      const confined = () => runTool({ tool: "ffprobe", args }).catch(() => undefined);
      // By namespaces alone; where there are none, the allow-lists are what is left.
      if (kind === "namespaces") assert.ok(!(await reached(confined)), `${name} reached a canary in its namespaces`);
    }
    assert.ok(controls.includes("alias.mov") && controls.includes("sdp.mp4") && controls.length >= 9, `${controls}`);
  });
});
