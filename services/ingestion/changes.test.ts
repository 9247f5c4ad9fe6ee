import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { AssetChangedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { newId } from "#pkg/clock/clock";
import { creator, openModules, type TestPlatform } from "#pkg/testkit/module";
import { ingestion } from "./module.ts";

describe("changes of assets", () => {
  const owner = newId();
  let platform: TestPlatform;
  before(async () => {
    platform = await openModules([ingestion]);
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const client = () => platform.client(IngestionService, { as: creator({ accountId: owner }) });
  const begin = async () => {
    const { upload } = await client().createUpload({ fileName: "told.mov", sizeBytes: 10n, requestId: randomUUID() });
    assert.ok(upload);
    return upload;
  };
  const told = (name: string, state: Asset_State) =>
    platform.nextEvent(AssetChangedSchema, ({ asset }) => asset?.name === name && asset.state === state);

  it("are told to views from the first moment, with the upload that it comes by", async () => {
    const upload = await begin();
    const { asset, upload: shown } = await told(upload.asset, Asset_State.UPLOADING);
    assert.equal(asset?.owner, `accounts/${owner}`);
    assert.equal(asset?.fileName, "told.mov");
    assert.deepEqual(shown, upload);
  });

  it("are told with a larger version when it goes, also by an upload that is given up", async () => {
    const [deleted, aborted] = [await begin(), await begin()];
    await Promise.all([deleted, aborted].map(({ asset }) => told(asset, Asset_State.UPLOADING)));
    await client().deleteAsset({ name: deleted.asset });
    await client().abortUpload({ name: aborted.name });
    for (const { asset: name } of [deleted, aborted]) {
      const before = await told(name, Asset_State.UPLOADING);
      const gone = await told(name, Asset_State.DELETED);
      assert.ok(Number(gone.asset?.etag) > Number(before.asset?.etag));
      assert.equal(gone.upload, undefined);
    }
  });
});
