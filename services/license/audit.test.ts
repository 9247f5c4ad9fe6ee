/** The audit log: what fills it, what does not, and how it is forgotten. */

import assert from "node:assert/strict";
import { LicenseRefusedSchema } from "#gen/matinee/license/v1/events_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { AccountDeletedSchema } from "#gen/matinee/profile/v1/events_pb";
import { ManualClock, newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { openModules, profile, type TestPlatform } from "#pkg/testkit/module";
import { testDb } from "#pkg/testkit/postgres";
import { AUDITOR, askLicense, playToken, type TokenCaller } from "./fixtures.ts";
import { license } from "./module.ts";
import { openRecordStore } from "./store/record-store.ts";

const DAY_MS = 86_400_000;
const NOW = new Date("2026-11-21T12:00:00Z");

describe("the audit log of licences", () => {
  const clock = new ManualClock(NOW);
  let platform: TestPlatform;

  before(async () => {
    platform = await openModules([license], { clock, settings: { LICENSE_RECORD_RETENTION: "62d" } });
  });
  after(() => platform?.[Symbol.asyncDispose]());

  /** Asks for a key that nobody has. */
  const ask = async (session: string, token: string | undefined) => {
    const { status, reason } = await askLicense(platform, { session, token, keyIds: [Buffer.alloc(16)] });
    return `${status} ${reason}`;
  };
  const tokenOf = (session: string, account = newId()) =>
    playToken(platform, { session, account, asset: newId(), lifeMs: 400 * DAY_MS });
  const rows = async () => {
    const [row] = await platform.database("license").query("select count(*)::int as count from license_records");
    return Number(row?.count);
  };
  const counted = async () => {
    const text = await (await fetch(`${platform.internalUrl}/metrics`)).text();
    return Number(/^matinee_licenses_total\{.*LICENSE_TOKEN_INVALID.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };

  it("gets no row, and the bus no event, from a flood without a token that could be read", async () => {
    const before = await rows();
    const viewer = await platform.token(profile() as TokenCaller);
    for (const token of [undefined, "nonsense", `${(await tokenOf(newId())).slice(0, -6)}AAAAAA`, viewer]) {
      const answers = await Promise.all(Array.from({ length: 40 }, () => ask(newId(), token)));
      assert.deepEqual(new Set(answers), new Set(["401 LICENSE_TOKEN_INVALID"]));
    }
    assert.equal(await rows(), before);
    assert.equal(await counted(), 160);
    assert.deepEqual(platform.events(LicenseRefusedSchema), []);
  });

  it("gets a row with the address from the holder of a token, and tells others without the address", async () => {
    const session = newId();
    assert.equal(await ask(session, await tokenOf(session)), "403 LICENSE_KEY_NOT_GRANTED");
    const auditor = platform.client(LicenseService, { as: AUDITOR });
    const { licenseRecords } = await auditor.listLicenseRecords({ playSession: `playSessions/${session}` });
    assert.equal(licenseRecords[0]?.refusalReason, "LICENSE_KEY_NOT_GRANTED");
    assert.notEqual(licenseRecords[0]?.remoteAddress, "");
    const told = await platform.nextEvent(LicenseRefusedSchema, ({ record }) => {
      return record?.playSession === `playSessions/${session}`;
    });
    assert.equal(told.record?.remoteAddress, "");
  });

  it("gets some rows of a play that is refused again and again, and then one now and then", async () => {
    const session = newId();
    const token = await tokenOf(session);
    const before = await rows();
    for (let count = 0; count < 60; count++) assert.equal(await ask(session, token), "403 LICENSE_KEY_NOT_GRANTED");
    assert.equal(await rows(), before + 20);
    clock.advance(10_000);
    await ask(session, token);
    assert.equal(await rows(), before + 21);
    const other = newId();
    await ask(other, await tokenOf(other));
    assert.equal(await rows(), before + 22, "another play has its own");
  });

  it("does not say who an erased account was, also in rows that come after the erasure", async () => {
    const account = newId();
    const [early, late] = [newId(), newId()];
    await ask(early, await tokenOf(early, account));
    const erased = await platform.publish(AccountDeletedSchema, { account: `accounts/${account}` });
    await platform.untilHandled(erased);
    await ask(late, await tokenOf(late, account));
    for (const session of [early, late]) {
      const { licenseRecords } = await platform
        .client(LicenseService, { as: AUDITOR })
        .listLicenseRecords({ playSession: `playSessions/${session}` });
      const [record] = licenseRecords;
      assert.deepEqual([record?.account, record?.remoteAddress, record?.traceId], ["", "", ""]);
      assert.equal(record?.refusalReason, "LICENSE_KEY_NOT_GRANTED");
    }
  });

  it("has its months ahead of time, and forgets those that are older than the retention", async () => {
    const db = platform.database("license");
    const months = async () => {
      const found = await db.query<{ name: string }>(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'license_records'::regclass",
      );
      return found.map(({ name }) => name.replace("license_records_", "")).sort();
    };
    await eventually("the months are there", async () => (await months()).includes("2027_01"));
    const session = newId();
    await ask(session, await tokenOf(session));
    const auditor = platform.client(LicenseService, { as: AUDITOR });
    const found = async () =>
      (await auditor.listLicenseRecords({ playSession: `playSessions/${session}` })).licenseRecords.length;
    assert.equal(await found(), 1);
    clock.advance(71 * DAY_MS);
    await eventually("it is the last of January", async () => (await months()).includes("2027_03"));
    assert.equal(await found(), 1);
    clock.advance(DAY_MS);
    await eventually("November is gone", async () => !(await months()).includes("2026_11"));
    assert.equal(await found(), 0);
  });
});

describe("the record store", () => {
  it("moves what an older release has kept to its months, and reads a later page without the newer ones", async () => {
    await using test = await testDb("license", new URL("./migrations/", import.meta.url));
    const { db } = test;
    const store = openRecordStore(db);
    const ids: string[] = [];
    for (const at of ["2026-09-05", "2026-10-05", "2026-11-05", "2026-11-20"]) {
      const id = newId();
      ids.unshift(id);
      await db.tx((tx) =>
        store.add(tx, {
          ...{ id, createdAt: new Date(`${at}T00:00:00Z`), keySystem: "clearkey", refusalReason: undefined },
          ...{ playSessionId: newId(), accountId: newId(), assetId: newId() },
          ...{ requestedKeyIds: [], issuedKeyIds: [], remoteAddress: "192.0.2.1", traceId: "" },
        }),
      );
    }
    const all = { assetId: undefined, playSessionId: undefined };
    await store.keepMonths(NOW, 365 * DAY_MS);
    const [left] = await db.query("select count(*)::int as count from license_records_default");
    assert.equal(left?.count, 0);
    const first = await store.list(all, { limit: 3, after: undefined });
    assert.deepEqual(
      first.map(({ id }) => id),
      ids.slice(0, 3),
    );
    // Only what the page may read can be read: the newer month is not there any more.
    await db.execute("alter table license_records detach partition license_records_2026_11");
    await db.execute("drop table license_records_2026_11");
    const rest = await store.list(all, { limit: 3, after: first[2] });
    assert.deepEqual(
      rest.map(({ id }) => id),
      ids.slice(3),
    );
  });
});
