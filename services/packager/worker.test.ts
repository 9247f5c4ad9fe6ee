import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { Protection } from "#gen/matinee/common/v1/media_pb";
import { AssetDeletedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { AssetPackagedSchema, PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { Package_State } from "#gen/matinee/packager/v1/package_pb";
import { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { requireRevision } from "#pkg/aip/resource-name";
import { newId, systemClock } from "#pkg/clock/clock";
import { AppError } from "#pkg/errors/errors";
import { outOfSpace } from "#pkg/errors/space";
import { eventually } from "#pkg/testkit/eventually";
import { fake, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { refused } from "#pkg/testkit/refused";
import { license } from "../license/module.ts";
import type { Revision, RevisionInput, RevisionOutput } from "./domain/revision.ts";
import { type Stores, storeRenditions, storesModule } from "./fixtures.ts";
import { packager } from "./module.ts";
import { openLeaseStore } from "./store/lease-store.ts";
import { openRevisionStore } from "./store/revision-store.ts";
import { PackagerWorker, type WorkerOptions } from "./worker.ts";

const OPERATOR = operator(["assets.read", "jobs.write"]);

const packageIdOf = (of: { readonly name: string } | undefined) => requireRevision("packages", of?.name ?? "").id;

const keysIn = async (stores: Stores, prefix = ""): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of stores.packaged.list(prefix)) keys.push(key);
  return keys;
};

describe("the packager's work", function () {
  this.timeout(120_000);

  describe("over the life of an asset", () => {
    const shown = storesModule();
    let platform: TestPlatform;

    before(async () => {
      platform = await openModules([license, packager, shown.module], {
        settings: { PACKAGER_RETRY_DELAY: "1ms", PACKAGER_MAX_ATTEMPTS: "2", PACKAGER_SWEEP_EVERY: "50ms" },
      });
    });
    after(() => platform[Symbol.asyncDispose]());

    const ready = (asset: string, revision: number) =>
      platform.nextEvent(
        AssetPackagedSchema,
        (event) => event.package?.asset === `assets/${asset}` && event.package.revision === revision,
      );

    it("makes a quick first revision, then the whole, and keeps the first as it was", async () => {
      const asset = newId();
      const store = shown.stores().mezzanine;
      const only = ["video-360p", "audio-en-1", "text-en-1"];
      await platform.publish(RenditionsReadySchema, await storeRenditions(store, { asset, revision: 0, only }));
      const first = (await ready(asset, 0)).package;
      assert.equal(first?.isComplete, false);
      assert.deepEqual(
        first?.manifests.map(({ path }) => path.slice(9)),
        ["sd.mpd", "sd.m3u8"],
      );
      const before = await keysIn(shown.stores(), packageIdOf(first));
      await platform.publish(RenditionsReadySchema, await storeRenditions(store, { asset, revision: 1 }));
      const second = (await ready(asset, 1)).package;
      assert.equal(packageIdOf(second), packageIdOf(first));
      assert.equal(second?.isComplete, true);
      const after = await keysIn(shown.stores(), packageIdOf(first));
      assert.ok(before.every((key) => after.includes(key)));
      const kidsOf = (of: typeof first) =>
        of?.tracks.map(({ keyIds }) => keyIds.map((id) => Buffer.from(id).toString("hex")).join()) ?? [];
      assert.ok(
        kidsOf(first).every((kid) => kidsOf(second).includes(kid)),
        "an asset keeps its keys",
      );
      const { package: newest } = await platform.client(PackagerService, { as: OPERATOR }).getPackage({
        name: `packages/${packageIdOf(first)}`,
      });
      assert.equal(newest?.revision, 1);
    });

    it("packages a set once, however often it is announced", async () => {
      const asset = newId();
      const message = await storeRenditions(shown.stores().mezzanine, { asset, protection: Protection.CLEAR });
      await Promise.all([1, 2, 3].map(() => platform.publish(RenditionsReadySchema, message)));
      await ready(asset, 1);
      await platform.publish(RenditionsReadySchema, message);
      const marker = newId();
      await platform.publish(
        RenditionsReadySchema,
        await storeRenditions(shown.stores().mezzanine, { asset: marker, protection: Protection.CLEAR }),
      );
      await ready(marker, 1);
      const found = platform.events(AssetPackagedSchema).filter((event) => event.package?.asset === `assets/${asset}`);
      assert.equal(found.length, 1);
    });

    it("gives up on a track that it cannot read, names it, and shows the packager's last lines; a retry can mend it", async () => {
      const asset = newId();
      const { mezzanine } = shown.stores();
      const message = await storeRenditions(mezzanine, { asset });
      const ref = message.tracks?.find(({ track }) => track?.id === "video-720p")?.blob;
      assert.ok(ref?.key);
      await using kept = await keep(mezzanine, ref.key);
      await mezzanine.put(ref.key, Buffer.alloc(Number(ref.sizeBytes), "not a film"));
      await platform.publish(RenditionsReadySchema, message);
      const failed = await platform.nextEvent(PackageFailedSchema, (event) => event.asset === `assets/${asset}`);
      assert.equal(failed.reason, "PACKAGER_FAILED");
      assert.match(failed.message, /exit code 2\).*(Unsupported|demux|parse|container)/is);
      assert.deepEqual([failed.fileName, failed.owner], ["film.mkv", message.owner]);
      assert.deepEqual(
        failed.unreadableTracks.map(({ track }) => track),
        ["video-720p"],
      );
      assert.match(failed.unreadableTracks[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
      const client = platform.client(PackagerService, { as: OPERATOR });
      const { package: shownFailed } = await client.getPackage({ name: failed.package });
      assert.equal(shownFailed?.state, Package_State.FAILED);
      assert.equal(shownFailed?.failureReason, "PACKAGER_FAILED");
      assert.deepEqual(await keysIn(shown.stores(), packageIdOf({ name: failed.package })), []);

      await kept.restore();
      const token = await platform.token(OPERATOR);
      const cli = (...args: string[]) =>
        promisify(execFile)(
          process.execPath,
          ["clients/cli/matinee.ts", "packages", "retry", failed.package, ...args],
          {
            env: { ...process.env, MATINEE_TOKEN: token, MATINEE_URL: platform.url },
          },
        );
      const { stdout } = await cli("--json");
      assert.deepEqual([JSON.parse(stdout).package.state, JSON.parse(stdout).package.revision], ["STATE_PACKAGING", 1]);
      const { package: done } = await ready(asset, 1);
      assert.equal(done?.failureReason, "");
      await assert.rejects(client.retryPackage({ name: failed.package }), refused("PACKAGE_NOT_FAILED"));
      await assert.rejects(cli(), /PACKAGE_NOT_FAILED|not failed/);
    });

    it("names tracks that are cut short or gone, and forgets the failure once a later revision is whole", async () => {
      const asset = newId();
      const { mezzanine } = shown.stores();
      const message = await storeRenditions(mezzanine, { asset, revision: 0 });
      const keyOf = (id: string) => message.tracks?.find(({ track }) => track?.id === id)?.blob?.key ?? "";
      const sound = await buffer((await mezzanine.get(keyOf("audio-de-2"))).body);
      await mezzanine.put(keyOf("audio-de-2"), sound.subarray(0, sound.byteLength / 2));
      await mezzanine.delete(keyOf("video-360p"));
      await platform.publish(RenditionsReadySchema, message);
      const failed = await platform.nextEvent(PackageFailedSchema, (event) => event.asset === `assets/${asset}`);
      assert.deepEqual(failed.unreadableTracks.map(({ track }) => track).toSorted(), ["audio-de-2", "video-360p"]);
      const again = await storeRenditions(mezzanine, { asset, revision: 1 });
      await platform.publish(RenditionsReadySchema, again);
      await ready(asset, 1);
      const client = platform.client(PackagerService, { as: OPERATOR });
      const { packages } = await client.listPackages({ asset: `assets/${asset}` });
      assert.deepEqual(
        packages.map(({ revision, state }) => [revision, state]),
        [[1, Package_State.READY]],
      );
    });

    it("does not try again what cannot succeed", async () => {
      const asset = newId();
      await platform.publish(
        RenditionsReadySchema,
        await storeRenditions(shown.stores().mezzanine, { asset, only: ["audio-en-1"] }),
      );
      const failed = await platform.nextEvent(PackageFailedSchema, (event) => event.asset === `assets/${asset}`);
      assert.equal(failed.reason, "PACKAGE_WITHOUT_VIDEO");
    });

    it("takes sound in a language that nobody knows, and in one that only its speakers name", async () => {
      const asset = newId();
      const languages = { "audio-en-1": "und", "audio-de-2": "x-klingon" };
      const message = await storeRenditions(shown.stores().mezzanine, { asset, languages });
      await platform.publish(RenditionsReadySchema, message);
      const made = (await ready(asset, 1)).package;
      const mpd = made?.manifests.find(({ path }) => path.endsWith("sd.mpd"))?.path;
      const { text } = await import("node:stream/consumers");
      const key = `${packageIdOf(made)}/1/${mpd}`;
      const manifest = await text((await shown.stores().packaged.get(key)).body);
      assert.deepEqual(
        [...manifest.matchAll(/ lang="([^"]+)"/g)].map(([, lang]) => lang),
        ["und", "x-klingon", "en"],
      );
    });

    it("removes a deleted asset's packages and makes no more of them", async () => {
      const asset = newId();
      const message = await storeRenditions(shown.stores().mezzanine, { asset, protection: Protection.CLEAR });
      await platform.publish(RenditionsReadySchema, message);
      const made = (await ready(asset, 1)).package;
      const prefix = packageIdOf(made);
      assert.ok((await keysIn(shown.stores(), prefix)).length > 0);
      await platform.publish(AssetDeletedSchema, { asset: `assets/${asset}` });
      await eventually("the files are gone", async () => (await keysIn(shown.stores(), prefix)).length === 0);
      const client = platform.client(PackagerService, { as: OPERATOR });
      assert.deepEqual((await client.listPackages({ asset: `assets/${asset}` })).packages, []);
      await platform.publish(RenditionsReadySchema, { ...message, revision: 2 });
      const marker = newId();
      await platform.publish(
        RenditionsReadySchema,
        await storeRenditions(shown.stores().mezzanine, { asset: marker, protection: Protection.CLEAR }),
      );
      await ready(marker, 1);
      assert.deepEqual((await client.listPackages({ asset: `assets/${asset}` })).packages, []);
    });
  });

  it("waits for license while it does not answer, without using up its runs", async () => {
    const shown = storesModule();
    let calls = 0;
    await using platform = await openModules([packager, shown.module], {
      settings: { PACKAGER_MAX_ATTEMPTS: "1", PACKAGER_UNAVAILABLE_DELAY: "1ms" },
      fakes: [
        fake(LicenseService, {
          async ensureContentKeys() {
            calls += 1;
            throw new AppError({ kind: "unavailable", reason: ["TEST", "AWAY"].join("_"), message: "away" });
          },
        }),
      ],
    });
    await platform.publish(RenditionsReadySchema, await storeRenditions(shown.stores().mezzanine));
    await eventually("license was asked twice", () => calls >= 2);
    assert.deepEqual(platform.events(PackageFailedSchema), []);
    const { packages } = await platform.client(PackagerService, { as: OPERATOR }).listPackages({});
    assert.equal(packages[0]?.state, Package_State.PACKAGING);
  });

  describe("when a process dies or hangs", () => {
    const input: RevisionInput = {
      ...{ owner: "accounts/a", fileName: "f", isComplete: true, protection: "clear", tracks: [], posters: [] },
      duration: { seconds: 1, nanos: 0 },
    };
    const output: RevisionOutput = { manifests: [], files: [], sizeBytes: 1 };

    /** A database with one revision to package, a store, and what its workers do. */
    async function scene() {
      const shown = storesModule();
      const stack = new AsyncDisposableStack();
      const platform = stack.use(await openModules([shown.module]));
      const { db } = stack.use(await testDb("packager", new URL("./migrations/", import.meta.url)));
      const asset = newId();
      await db.tx((tx) =>
        openRevisionStore(db).accept(tx, { assetId: asset, revision: 0, input, version: 1n, at: new Date() }),
      );
      const said: string[] = [];
      const worker = (packageRevision: WorkerOptions["packageRevision"], options: Partial<WorkerOptions> = {}) =>
        new PackagerWorker({
          ...{ db, leases: openLeaseStore(db), packaged: shown.stores().packaged, clock: systemClock, log: quietLog },
          events: {
            packaged: async (_tx, revision: Revision) => void said.push(`packaged ${revision.revision}`),
            failed: async (_tx, _revision: Revision, failure) => void said.push(failure.reason),
            waits: (_revision, { message }) => void said.push(message),
          },
          packageRevision,
          findUnreadable: async () => [],
          ...{ leaseMs: 300, maxAttempts: 3, retryDelayMs: 1, unavailableDelayMs: 1, sweepEveryMs: 20 },
          ...options,
        });
      const write = async (run: { revision: Revision; folder: string }, file: string) => {
        await shown.stores().packaged.put(`${run.revision.packageId}/0/${run.folder}/${file}`, Buffer.from(run.folder));
      };
      return {
        db,
        platform,
        stores: shown.stores(),
        said,
        worker,
        write,
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    }

    /** Runs workers until the condition holds, then ends them. */
    async function until(workers: readonly PackagerWorker[], what: string, holds: () => Promise<boolean> | boolean) {
      const ending = new AbortController();
      const running = workers.map((worker) => worker.run(ending.signal));
      try {
        await eventually(what, holds);
      } finally {
        ending.abort();
        await Promise.all(running);
      }
    }

    it("takes the work over when the dead one's lease runs out, once, and sweeps what it left", async () => {
      await using at = await scene();
      const dead = await openLeaseStore(at.db).take(100);
      assert.ok(dead);
      await at.write(dead, "video.mp4");
      const folders: string[] = [];
      const live = () =>
        at.worker(async (run) => {
          folders.push(run.folder);
          await at.write(run, "video.mp4");
          return output;
        });
      const [one, two] = [live(), live()];
      await until([one, two], "it is packaged", () => at.said.length > 0);
      assert.deepEqual(at.said, ["packaged 0"]);
      assert.equal(folders.length, 1);
      assert.notEqual(folders[0], dead.folder);
      assert.equal((await keysIn(at.stores)).length, 2);
      assert.equal(await one.sweep(), 1);
      assert.deepEqual(
        (await keysIn(at.stores)).map((key) => key.split("/")[2]),
        folders,
      );
      assert.equal(await one.sweep(), 0);
    });

    it("lets a process that comes back after its lease neither finish nor leave anything", async () => {
      await using at = await scene();
      let wakeUp: (() => void) | undefined;
      const asleep = new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
      let aborted = false;
      // Its renewals never come, as if the whole process had stopped.
      const leases = openLeaseStore(at.db);
      const sleeper = at.worker(
        async (run, signal) => {
          await at.write(run, "video.mp4");
          await asleep;
          aborted = signal.aborted;
          return output;
        },
        { leases: { ...leases, renew: async () => true }, leaseMs: 100 },
      );
      const ending = new AbortController();
      const sleeping = sleeper.run(ending.signal);
      await eventually("it has begun", async () => (await keysIn(at.stores)).length === 1);
      await until(
        [
          at.worker(async (run) => {
            await at.write(run, "video.mp4");
            return output;
          }),
        ],
        "another finished",
        () => at.said.length === 1,
      );
      wakeUp?.();
      await eventually("the sleeper's files are gone", async () => (await keysIn(at.stores)).length === 1);
      ending.abort();
      await sleeping;
      assert.equal(aborted, false);
      assert.deepEqual(at.said, ["packaged 0"]);
    });

    it("stops a run whose lease was lost", async () => {
      await using at = await scene();
      const leases = openLeaseStore(at.db);
      let stopped = false;
      const worker = at.worker(
        (_run, signal) =>
          new Promise<never>((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              stopped = true;
              reject(signal.reason);
            });
          }),
        { leases: { ...leases, renew: async () => false } },
      );
      await until([worker], "the run was stopped", () => stopped);
      assert.deepEqual(at.said, []);
    });

    it("keeps a run that takes longer than its lease", async () => {
      await using at = await scene();
      let renewals = 0;
      const leases = openLeaseStore(at.db);
      const counting = {
        ...leases,
        renew: async (...args: Parameters<typeof leases.renew>) => {
          const renewed = await leases.renew(...args);
          if (renewed) renewals += 1;
          return renewed;
        },
      };
      const slow = at.worker(
        async () => {
          await eventually("three leases have passed", () => renewals >= 9);
          return output;
        },
        { leases: counting },
      );
      let stolen = 0;
      const thief = at.worker(async () => {
        stolen += 1;
        return output;
      });
      await until([slow], "one of them finished", async () => {
        await thief.sweep();
        return at.said.length === 1 || stolen > 0;
      });
      assert.deepEqual([at.said, stolen], [["packaged 0"], 0]);
    });

    it("waits for room without counting the runs, says so once, and goes on when there is some", async () => {
      await using at = await scene();
      let runs = 0;
      const revisions = openRevisionStore(at.db);
      const shownAs: (string | undefined)[] = [];
      const worker = at.worker(async () => {
        runs += 1;
        if (runs <= 9) throw outOfSpace("the packaged store");
        return output;
      });
      const looking = setInterval(async () => {
        const [revision] = await revisions.list({ assetId: undefined }, { limit: 1, after: undefined });
        shownAs.push(revision?.waiting?.reason);
      }, 2);
      await until([worker], "it is packaged", () => at.said.includes("packaged 0"));
      clearInterval(looking);
      const [row] = await at.db.query<{ version: string }>("select version from revisions");
      assert.equal(row?.version, "3", "asked for, waiting, ready");
      assert.equal(runs, 10);
      assert.equal(at.said.length, 2, at.said.join());
      assert.match(at.said[0] ?? "", /no room left in the packaged store/);
      assert.ok(shownAs.includes("OUT_OF_SPACE"));
      const [done] = await revisions.list({ assetId: undefined }, { limit: 1, after: undefined });
      assert.deepEqual([done?.state, done?.waiting], ["ready", undefined]);
    });

    it("gives up on what kills every process that tries it", async () => {
      await using at = await scene();
      const leases = openLeaseStore(at.db);
      for (let count = 0; count < 3; count++) {
        await eventually("the lease has run out", async () => (await leases.take(1)) !== undefined);
      }
      await until([at.worker(async () => output)], "it was given up", () => at.said.length > 0);
      assert.deepEqual(at.said, ["PACKAGER_INTERRUPTED"]);
    });

    it("gives the work back at once when the process ends in good order", async () => {
      await using at = await scene();
      const ending = new AbortController();
      let begun = false;
      const running = at
        .worker((_run, signal) => {
          begun = true;
          return new Promise<never>((_resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          });
        })
        .run(ending.signal);
      await eventually("it has begun", () => begun);
      ending.abort();
      await running;
      const next = await openLeaseStore(at.db).take(60_000);
      assert.equal(next?.attempt, 1);
    });
  });
});

/** Puts an object back as it was. */
async function keep(store: Stores["mezzanine"], key: string) {
  const bytes = await buffer((await store.get(key)).body);
  return {
    restore: async () => void (await store.put(key, bytes)),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
