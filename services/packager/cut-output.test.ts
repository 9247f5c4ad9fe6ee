/** Whatever Shaka Packager's exit code says: what it wrote is stored only when it is whole. */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Protection } from "#gen/matinee/common/v1/media_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { openModules, type TestPlatform } from "#pkg/testkit/module";
import { quietLog } from "#pkg/testkit/postgres";
import { toRevisionInput } from "./convert.ts";
import type { Revision } from "./domain/revision.ts";
import { storeRenditions, storesModule } from "./fixtures.ts";
import { packageRevision } from "./run.ts";
import { runShakaPackager } from "./shaka/run.ts";

describe("a packager that ends well with less than it should have written", function () {
  this.timeout(60_000);
  const shown = storesModule();
  let platform: TestPlatform;
  let scratch: string;
  let revision: Revision;

  before(async () => {
    platform = await openModules([shown.module]);
    scratch = await mkdtemp(join(tmpdir(), "matinee-cut-"));
    const announced = await storeRenditions(shown.stores().mezzanine, { protection: Protection.CLEAR });
    revision = {
      ...{ packageId: newId(), assetId: announced.asset.slice("assets/".length), revision: 1, state: "packaging" },
      input: toRevisionInput(create(RenditionsReadySchema, announced)),
      ...{ output: undefined, failure: undefined, waiting: undefined, createdAt: new Date(), readyAt: undefined },
    };
  });
  after(async () => {
    await platform?.[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  });

  /** Packages after `spoil` had its way with what the packager wrote; answers the objects that were stored. */
  async function stored(spoil: (folder: string) => Promise<void>): Promise<readonly string[]> {
    const { mezzanine, packaged } = shown.stores();
    const run = { revision, folder: newId().slice(-8) };
    const keys = async () => {
      const found: string[] = [];
      for await (const { key } of packaged.list(`${revision.packageId}/1/${run.folder}/`)) found.push(key);
      return found;
    };
    const options = {
      ...{ mezzanine, packaged, scratch, segmentMs: 4_000, timeLimitMs: 60_000, log: quietLog },
      contentKeys: {
        ensure: async () => [],
        recordIvs: async () => undefined,
        signaling: async () => ({ systemIds: [], hlsKeyFormats: [] }),
      },
      async runShaka(shaka: Parameters<typeof runShakaPackager>[0]) {
        await runShakaPackager(shaka);
        await spoil(join(shaka.folder, "out"));
      },
    };
    await packageRevision(options, run, new AbortController().signal).catch(async (error) => {
      assert.deepEqual(await keys(), [], "some of it was stored");
      throw error;
    });
    return keys();
  }

  it("stores what is whole", async () => {
    const keys = await stored(async () => undefined);
    assert.ok(keys.some((key) => key.endsWith("/video-720p.mp4")));
    assert.ok(keys.some((key) => key.endsWith("/sd.mpd")));
  });

  for (const [what, spoil] of [
    ["its last byte is missing", async (file: string) => truncate(file, (await stat(file)).size - 1)],
    ["half of it is missing", async (file: string) => truncate(file, Math.floor((await stat(file)).size / 2))],
    ["it ends within its index", (file: string) => truncate(file, 900)],
    ["it ends within its first box", (file: string) => truncate(file, 6)],
    ["it is empty", (file: string) => truncate(file, 0)],
    ["it was not written", (file: string) => rm(file)],
  ] as const) {
    it(`stores nothing where, of one track, ${what}`, async () => {
      for (const track of ["video-720p", "audio-de-2"]) {
        await assert.rejects(
          stored((folder) => spoil(join(folder, `${track}.mp4`))),
          (error) => isAppError(error, "PACKAGE_OUTPUT_WRONG") && error.metadata?.track === track,
        );
      }
      assert.deepEqual(await readdir(scratch), []);
    });
  }

  it("stores nothing where its manifest is cut short", async () => {
    const cut = stored((folder) => truncate(join(folder, "all.mpd"), 700));
    await assert.rejects(cut, /unclosed|unexpected end/);
    assert.deepEqual(await readdir(scratch), []);
  });
});
