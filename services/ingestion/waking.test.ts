/** What ingestion does in the background is begun when there is something to do, not at the next look. */

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { AssetChangedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import type { Upload } from "#gen/matinee/ingestion/v1/upload_pb";
import { requireId } from "#pkg/aip/resource-name";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { creator, openModules, type TestPlatform } from "#pkg/testkit/module";
import { standingClock, wokenEachTime } from "#pkg/testkit/woken";
import { ingestion } from "./module.ts";

const NO_FILM = Buffer.from("no film");
const SHA256 = createHash("sha256").update(NO_FILM).digest("hex");

describe("ingestion's work in the background", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openModules([ingestion], { clock: standingClock() });
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const owner = newId();
  const client = () => platform.client(IngestionService, { as: creator({ accountId: owner }) });
  const begin = async (): Promise<Upload> => {
    const sizeBytes = BigInt(NO_FILM.length);
    const { upload } = await client().createUpload({ fileName: "film.mov", sizeBytes, requestId: randomUUID() });
    assert.ok(upload);
    return upload;
  };

  it("inspects what was handed in", async () => {
    await wokenEachTime(async () => {
      const { name, asset } = await begin();
      const { parts } = await client().signUploadParts({ name, parts: [{ number: 1, sha256: SHA256 }] });
      assert.ok(parts[0]);
      const { url, headers } = parts[0];
      const stored = await fetch(new URL(url, platform.url), { method: "PUT", headers, body: NO_FILM });
      assert.equal(stored.status, 200);
      await client().completeUpload({ name, sha256: SHA256 });
      await eventually("it is inspected", async () => {
        const found = await client().getAsset({ name: asset });
        return found.asset?.state === Asset_State.REJECTED;
      });
    });
  });

  it("removes what is left of what was deleted", async () => {
    await wokenEachTime(async () => {
      const upload = await begin();
      await client().deleteAsset({ name: upload.asset });
      await eventually("nothing is left to remove", async () => {
        const left = await platform.database("ingestion").query("select from purges");
        return left.length === 0;
      });
    });
  });

  it("tells views of an asset that begins, and of one that waits", async () => {
    const told = (upload: Upload, times: number) =>
      eventually("it is told", () => {
        const events = platform.events(AssetChangedSchema).filter(({ asset }) => asset?.name === upload.asset);
        return events.length === times;
      });
    const begun: Upload[] = [];
    await wokenEachTime(async () => {
      const upload = await begin();
      begun.push(upload);
      await told(upload, 1);
    });
    await wokenEachTime(async (number) => {
      const upload = begun[number - 1];
      assert.ok(upload);
      const waiting = JSON.stringify({ reason: "OUT_OF_SPACE", message: "There is no room left." });
      await platform
        .database("ingestion")
        .execute("update assets set waiting = $2 where id = $1", [requireId("assets", upload.asset), waiting]);
      await told(upload, 2);
    });
  });
});
