/** What may be removed, by whom, and what stands in the way. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Client } from "@connectrpc/connect";
import { TitlePublishedSchema, TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { isAppError } from "#pkg/errors/errors";
import { creator, openModules, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { ingestion } from "./module.ts";

describe("the removal of a film", () => {
  let platform: TestPlatform;
  let client: Client<typeof IngestionService>;

  before(async () => {
    platform = await openModules([ingestion]);
    client = platform.client(IngestionService, { as: creator() });
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const uploading = async () => {
    const { upload } = await client.createUpload({ fileName: "a.mov", sizeBytes: 10n, requestId: randomUUID() });
    const { asset } = await client.getAsset({ name: upload?.asset ?? "" });
    assert.ok(asset);
    assert.equal(asset.purgeTime, undefined);
    return asset;
  };
  const publish = async (asset: string, version: bigint, displayTitle: string, title = `titles/${randomUUID()}`) => {
    const event = { title, displayTitle, asset };
    await platform.untilHandled(await platform.publish(TitlePublishedSchema, event, { version }));
    return title;
  };

  it("is refused to who saw another state of it", async () => {
    const { name, etag } = await uploading();
    await assert.rejects(client.deleteAsset({ name, etag: `${etag}0` }), refused("ASSET_CHANGED"));
    const deleted = await client.deleteAsset({ name, etag });
    assert.equal(deleted.asset?.state, Asset_State.DELETED);
    // As everywhere: what was seen before one's own success is old.
    await assert.rejects(client.deleteAsset({ name, etag }), refused("ASSET_CHANGED"));
  });

  it("is refused with their names where published titles play it, unless it is forced", async () => {
    const { name } = await uploading();
    const first = await publish(name, 1n, "The Paper Boat");
    const second = await publish(name, 1n, "Le Bateau");
    await publish((await uploading()).name, 1n, "Another Film");
    await assert.rejects(client.deleteAsset({ name }), (error) => {
      assert.ok(isAppError(error, "ASSET_IN_CATALOGUE"));
      assert.match(error.message, /“The Paper Boat”/);
      assert.match(error.message, /“Le Bateau”/);
      assert.deepEqual(error.metadata.titles?.split(",").sort(), [first, second].sort());
      return true;
    });
    assert.equal((await client.getAsset({ name })).asset?.state, Asset_State.UPLOADING);
    const { asset } = await client.deleteAsset({ name, isForced: true });
    assert.equal(asset?.state, Asset_State.DELETED);
  });

  it("is free once its titles left the catalogue or play another film, in whatever order that is told", async () => {
    const { name } = await uploading();
    const unpublished = await publish(name, 1n, "Gone");
    const exchanged = await publish(name, 1n, "Cut Anew");
    await publish((await uploading()).name, 3n, "Cut Anew", exchanged);
    await publish(name, 2n, "Cut Anew", exchanged);
    await assert.rejects(client.deleteAsset({ name }), refused("ASSET_IN_CATALOGUE"));
    const left = await platform.publish(TitleUnpublishedSchema, { title: unpublished }, { version: 2n });
    await platform.untilHandled(left);
    await publish(name, 1n, "Gone", unpublished);
    const { asset } = await client.deleteAsset({ name });
    assert.equal(asset?.state, Asset_State.DELETED);
  });

  it("tells strangers nothing of the titles that play it", async () => {
    const { name } = await uploading();
    await publish(name, 1n, "Not Theirs");
    const stranger = platform.client(IngestionService, { as: creator() });
    await assert.rejects(stranger.deleteAsset({ name, etag: "x" }), refused("ASSET_NOT_FOUND"));
  });
});
