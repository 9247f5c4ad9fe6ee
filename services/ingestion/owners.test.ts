/** Whose uploads and assets are whose: a second creator sees, changes and ends nothing of the first one's. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Client } from "@connectrpc/connect";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { type Upload, Upload_State } from "#gen/matinee/ingestion/v1/upload_pb";
import { isAppError } from "#pkg/errors/errors";
import { account, type Caller, creator, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { ingestion } from "./module.ts";

const SHA256 = "ab".repeat(32);

/** Each method that names an upload or an asset. */
const CALLS = {
  getUpload: (client, upload) => client.getUpload({ name: upload.name }),
  signUploadParts: (client, upload) =>
    client.signUploadParts({ name: upload.name, parts: [{ number: 1, sha256: SHA256 }] }),
  listUploadParts: (client, upload) => client.listUploadParts({ name: upload.name }),
  completeUpload: (client, upload) => client.completeUpload({ name: upload.name, sha256: SHA256 }),
  abortUpload: (client, upload) => client.abortUpload({ name: upload.name }),
  getAsset: (client, upload) => client.getAsset({ name: upload.asset }),
  deleteAsset: (client, upload) => client.deleteAsset({ name: upload.asset }),
} satisfies Record<string, (client: Client<typeof IngestionService>, upload: Upload) => Promise<unknown>>;

describe("uploads and assets of a creator", () => {
  let platform: TestPlatform;
  const as = (caller: Caller) => platform.client(IngestionService, { as: caller });

  before(async () => {
    platform = await openModules([ingestion]);
  });
  after(() => platform?.[Symbol.asyncDispose]());

  async function begin(caller: Caller): Promise<Upload> {
    const { upload } = await as(caller).createUpload({ fileName: "mine.mp4", sizeBytes: 10n, requestId: randomUUID() });
    assert.ok(upload);
    return upload;
  }

  it("are covered here method by method", () => {
    const named = IngestionService.methods.filter(({ input }) => input.fields.some(({ name }) => name === "name"));
    assert.deepEqual(named.map(({ localName }) => localName).sort(), Object.keys(CALLS).sort());
  });

  for (const [method, call] of Object.entries(CALLS)) {
    it(`are not there for another one: ${method}`, async () => {
      const me = creator();
      const upload = await begin(me);
      const missing = { ...upload, name: `uploads/${randomUUID()}`, asset: `assets/${randomUUID()}` };
      const refusal = async (of: Upload) => call(as(creator()), of).then(() => assert.fail("let through"), String);
      // Word for word what somebody hears who asks for what never was.
      assert.equal(await refusal(upload), await refusal(missing));
      const mine = await as(me).getUpload({ name: upload.name });
      assert.equal(mine.upload?.state, Upload_State.ACTIVE);
      assert.equal((await as(me).getAsset({ name: upload.asset })).asset?.state, Asset_State.UPLOADING);
    });
  }

  it("are in nobody else's list, whatever state is asked for", async () => {
    const upload = await begin(creator());
    for (const state of [Asset_State.UNSPECIFIED, Asset_State.UPLOADING]) {
      const { assets } = await as(creator()).listAssets({ state, pageSize: 200 });
      assert.ok(!assets.some(({ name }) => name === upload.asset));
    }
  });

  it("are not reached with the page of another one's list", async () => {
    const me = creator();
    for (let count = 0; count < 3; count++) await begin(me);
    const { nextPageToken } = await as(me).listAssets({ pageSize: 1 });
    const { assets } = await as(creator()).listAssets({ pageSize: 1, pageToken: nextPageToken });
    assert.deepEqual(assets, []);
  });

  it("are closed to operators without the permission, to viewers, and to nobody signed in", async () => {
    const upload = await begin(creator());
    for (const [method, call] of Object.entries(CALLS)) {
      for (const caller of [operator(["titles.write"]), operator([]), account()]) {
        await assert.rejects(
          call(as(caller), upload),
          (error) => {
            return isAppError(error, "PERMISSION_MISSING") || isAppError(error, "ACCESS_DENIED");
          },
          method,
        );
      }
      await assert.rejects(call(platform.client(IngestionService), upload), refused("SIGN_IN_REQUIRED"), method);
    }
  });
});
