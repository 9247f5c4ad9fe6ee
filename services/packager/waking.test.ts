/** What the packager does in the background is begun when there is something to do, not at the next look. */

import assert from "node:assert/strict";
import { PackageChangedSchema, PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { Package_State } from "#gen/matinee/packager/v1/package_pb";
import { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { testDb } from "#pkg/testkit/postgres";
import { standingClock, wokenEachTime } from "#pkg/testkit/woken";
import { license } from "../license/module.ts";
import type { RevisionInput } from "./domain/revision.ts";
import { storeRenditions, storesModule, tinyFilm } from "./fixtures.ts";
import { packager } from "./module.ts";
import { openLeaseStore } from "./store/lease-store.ts";
import { openRevisionStore, PACKAGE_CHANGES_CHANNEL } from "./store/revision-store.ts";

describe("the packager's work in the background", () => {
  const shown = storesModule();
  let platform: TestPlatform;
  before(async function () {
    this.timeout(60_000);
    // Not in a round: made once in each process.
    await tinyFilm();
    platform = await openModules([license, packager, shown.module], { clock: standingClock() });
  });
  after(() => platform?.[Symbol.asyncDispose]());

  /** A revision that cannot be packaged, which is found out at once; answers its asset. */
  const hopeless = async (): Promise<string> => {
    const asset = newId();
    const message = await storeRenditions(shown.stores().mezzanine, { asset, only: ["audio-en-1"] });
    await platform.publish(RenditionsReadySchema, message);
    return `assets/${asset}`;
  };
  const failuresOf = (asset: string) => platform.events(PackageFailedSchema).filter((event) => event.asset === asset);

  it("packages what is ready, and what a person tries again", async () => {
    const assets: string[] = [];
    await wokenEachTime(async () => {
      const asset = await hopeless();
      assets.push(asset);
      await eventually("it was tried", () => failuresOf(asset).length === 1);
    });
    const client = platform.client(PackagerService, { as: operator(["assets.read", "jobs.write"]) });
    await wokenEachTime(async (number) => {
      const asset = assets[number - 1] ?? "";
      await client.retryPackage({ name: failuresOf(asset)[0]?.package ?? "" });
      await eventually("it was tried again", () => failuresOf(asset).length === 2);
    });
  });

  it("tells views of a package that changes", async () => {
    await wokenEachTime(async () => {
      const asset = await hopeless();
      await platform.nextEvent(
        PackageChangedSchema,
        (event) => event.package?.asset === asset && event.package.state === Package_State.FAILED,
      );
    });
  });

  it("tells views also where a worker took the revision just as they were to be told", async () => {
    await using opened = await testDb("packager", new URL("./migrations/", import.meta.url));
    const { db } = opened;
    const input: RevisionInput = {
      ...{ owner: "accounts/a", fileName: "f", isComplete: true, protection: "clear", tracks: [], posters: [] },
      duration: { seconds: 1, nanos: 0 },
    };
    await db.tx((tx) =>
      openRevisionStore(db).accept(tx, { assetId: newId(), revision: 0, input, version: 1n, at: new Date() }),
    );
    const ending = new AbortController();
    let wakeUps = 0;
    const count = () => {
      wakeUps += 1;
    };
    const listening = db.listen(PACKAGE_CHANGES_CHANNEL, count, ending.signal);
    await eventually("the announcer listens", () => wakeUps === 1);
    assert.ok(await openLeaseStore(db).take(60_000));
    await eventually("the announcer is woken", () => wakeUps === 2);
    ending.abort();
    await listening;
  });
});
