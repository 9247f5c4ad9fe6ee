/** Sets of tracks come in any order: the newest is packaged, whatever state its revision is in when it comes. */

import assert from "node:assert/strict";
import { newId } from "#pkg/clock/clock";
import { type TestDb, testDb } from "#pkg/testkit/postgres";
import type { RevisionInput } from "./domain/revision.ts";
import { type LeaseStore, openLeaseStore } from "./store/lease-store.ts";
import { openRevisionStore, type RevisionStore } from "./store/revision-store.ts";

const LEASE_MS = 60_000;
const FAILURE = { reason: "PACKAGER_FAILED", message: "it cannot be read" };

describe("sets of tracks for a revision", () => {
  let test: TestDb;
  let store: RevisionStore;
  let leases: LeaseStore;
  let asset: string;

  before(async () => {
    test = await testDb("packager", new URL("./migrations/", import.meta.url));
    store = openRevisionStore(test.db);
    leases = openLeaseStore(test.db);
  });
  after(() => test?.[Symbol.asyncDispose]());
  beforeEach(() => {
    asset = newId();
  });

  const input = (fileName: string): RevisionInput => ({
    ...{ owner: `accounts/${newId()}`, fileName, isComplete: true, protection: "clear" },
    ...{ tracks: [], posters: [], duration: { seconds: 1, nanos: 0 } },
  });
  const accept = (version: bigint) =>
    test.db.tx((tx) =>
      store.accept(tx, { assetId: asset, revision: 1, input: input(`v${version}`), version, at: new Date() }),
    );
  const shown = async () => {
    const [revision] = await store.list({ assetId: asset }, { limit: 1, after: undefined });
    return `${revision?.input.fileName} ${revision?.state}`;
  };
  const take = async () => {
    const lease = await leases.take(LEASE_MS);
    assert.equal(lease?.revision.assetId, asset);
    return lease;
  };

  it("are taken in their own order, not in that of their coming", async () => {
    await accept(2n);
    await accept(1n);
    await accept(2n);
    assert.equal(await shown(), "v2 packaging");
    const lease = await take();
    await test.db.tx((tx) => leases.fail(tx, lease, FAILURE));
    await accept(1n);
    assert.equal(await shown(), "v2 failed");
    await accept(3n);
    assert.equal(await shown(), "v3 packaging");
    await take();
  });

  it("that come while an older one is packaged take its place, and the older run's end is void", async () => {
    await accept(1n);
    const older = await take();
    await accept(2n);
    assert.equal(await leases.renew(older, LEASE_MS), false);
    assert.equal(await test.db.tx((tx) => leases.fail(tx, older, FAILURE)), false);
    assert.equal(await shown(), "v2 packaging");
    const newer = await take();
    assert.deepEqual([newer.revision.input.fileName, newer.attempt], ["v2", 1]);
  });

  it("change nothing once the revision is ready", async () => {
    await accept(1n);
    const lease = await take();
    const output = { files: [], sizeBytes: 0, manifests: [] };
    assert.equal(await test.db.tx((tx) => leases.succeed(tx, lease, output, new Date())), true);
    await accept(2n);
    assert.equal(await shown(), "v1 ready");
  });
});
