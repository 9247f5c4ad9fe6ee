/** What one account may have open and stored. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { type AppError, isAppError } from "#pkg/errors/errors";
import { creator, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { ingestion } from "./module.ts";

const TIB = 2n ** 40n;

describe("an account's quota of uploads", () => {
  let platform: TestPlatform;
  let narrow: TestPlatform;

  before(async () => {
    platform = await openModules([ingestion]);
    narrow = await openModules([ingestion], {
      settings: {
        INGESTION_ACCOUNT_OPEN_UPLOADS: "4",
        INGESTION_ACCOUNT_OPEN_BYTES: "1000",
        INGESTION_ACCOUNT_STORED_BYTES: "1500",
      },
    });
  });
  after(async () => {
    await narrow?.[Symbol.asyncDispose]();
    await platform?.[Symbol.asyncDispose]();
  });

  const opener = (at: TestPlatform, as = creator()) => {
    const client = at.client(IngestionService, { as });
    return {
      client,
      open: (sizeBytes: bigint | number, requestId = randomUUID()) =>
        client.createUpload({ fileName: "film.mp4", sizeBytes: BigInt(sizeBytes), requestId }),
    };
  };
  const outcomes = async (calls: readonly Promise<unknown>[]) => {
    const settled = await Promise.allSettled(calls);
    const refused = settled.filter((one) => one.status === "rejected").map(({ reason }) => reason as AppError);
    return { made: settled.length - refused.length, refused };
  };
  const limitOf = (error: unknown) => {
    assert.ok(isAppError(error, "UPLOAD_QUOTA_EXCEEDED"), String(error));
    assert.equal(error.retryAfterMs, undefined, "waiting does not help");
    return error.metadata.limit;
  };

  it("refuses most of 200 uploads of 1 TiB, from a creator and from an operator", async () => {
    for (const as of [creator(), operator(["assets.write"])]) {
      const { open } = opener(platform, as);
      const { made, refused } = await outcomes(Array.from({ length: 200 }, () => open(TIB)));
      assert.equal(made, 2);
      assert.equal(refused.length, 198);
      for (const error of refused) assert.equal(limitOf(error), "open_bytes");
      assert.match(refused[0]?.message ?? "", /may have 2 TiB together; with this one they would have 3 TiB/);
    }
  });

  it("counts uploads that are opened at the same moment one after the other", async () => {
    const { open } = opener(narrow);
    const { made, refused } = await outcomes(Array.from({ length: 12 }, () => open(1)));
    assert.equal(made, 4);
    assert.deepEqual(new Set(refused.map(limitOf)), new Set(["open_uploads"]));
  });

  it("answers a repeat of what was allowed, also where nothing more is", async () => {
    const { open } = opener(narrow);
    const requestId = randomUUID();
    const first = await open(1000, requestId);
    await assert.rejects(open(1), (error) => limitOf(error) === "open_bytes");
    assert.equal((await open(1000, requestId)).upload?.name, first.upload?.name);
  });

  it("is each account's own", async () => {
    await opener(narrow).open(1000);
    await opener(narrow).open(1000);
  });

  it("is free again after an upload was given up, and leaves nothing of what was refused", async () => {
    const { client, open } = opener(narrow);
    const { upload } = await open(1000);
    await assert.rejects(open(1000), (error) => limitOf(error) === "open_bytes");
    const { assets } = await client.listAssets({});
    assert.equal(assets.length, 1);
    await client.abortUpload({ name: upload?.name ?? "" });
    await open(1000);
  });

  it("bounds what is stored, and is free again when a film is deleted", async () => {
    const accountId = randomUUID();
    const { client, open } = opener(narrow, creator({ accountId }));
    const { upload } = await open(900);
    // As if all of it were there.
    const db = narrow.database("ingestion");
    await db.tx(async (tx) => {
      await tx.execute("update uploads set state = 'completed' where owner_id = $1", [accountId]);
      await tx.execute("update assets set state = 'inspecting' where owner_id = $1", [accountId]);
    });
    await assert.rejects(open(700), (error) => limitOf(error) === "stored_bytes");
    await open(600);
    await client.deleteAsset({ name: upload?.asset ?? "" });
    await open(400);
  });
});
