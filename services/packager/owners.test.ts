/** Packages are the operators' business: a creator sees and retries none, their own included. */

import assert from "node:assert/strict";
import { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { account, creator, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { license } from "../license/module.ts";
import { storesModule } from "./fixtures.ts";
import { packager } from "./module.ts";

describe("packages", () => {
  let platform: TestPlatform;
  const packageId = newId();
  const assetId = newId();

  before(async () => {
    platform = await openModules([license, packager, storesModule().module]);
    const db = platform.database("packager");
    await db.execute("insert into packages (id, asset_id, created_at) values ($1, $2, now())", [packageId, assetId]);
    await db.execute(
      `insert into revisions (package_id, revision, asset_id, state, input, created_at, run_after, failure_reason)
       values ($1, 0, $2, 'failed', $3, now(), now(), 'PACKAGER_FAILED')`,
      [packageId, assetId, JSON.stringify({ tracks: [], durationMs: 0 })],
    );
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const name = `packages/${packageId}@0`;
  const calls = (client: ReturnType<typeof platform.client<typeof PackagerService>>) => [
    () => client.getPackage({ name }),
    () => client.listPackages({ asset: `assets/${assetId}` }),
    () => client.listPackages({}),
    () => client.retryPackage({ name }),
  ];

  it("are refused to creators, viewers, operators without the permission, and nobody signed in", async () => {
    for (const as of [creator(), account(), operator([]), operator(["titles.write"])]) {
      for (const call of calls(platform.client(PackagerService, { as }))) {
        await assert.rejects(call(), (error) => {
          return isAppError(error, "ACCESS_DENIED") || isAppError(error, "PERMISSION_MISSING");
        });
      }
    }
    for (const call of calls(platform.client(PackagerService))) {
      await assert.rejects(call(), refused("SIGN_IN_REQUIRED"));
    }
    const [row] = await platform
      .database("packager")
      .query("select state from revisions where package_id = $1", [packageId]);
    assert.equal(row?.state, "failed");
  });

  it("are not retried by an operator who may only look", async () => {
    const client = platform.client(PackagerService, { as: operator(["assets.read", "jobs.read"]) });
    await assert.rejects(client.retryPackage({ name }), refused("PERMISSION_MISSING"));
  });
});
