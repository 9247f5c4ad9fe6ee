import assert from "node:assert/strict";
import { durationFromMs, timestampNow } from "@bufbuild/protobuf/wkt";
import { TitlePublishedSchema, TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { PlaybackProgressedSchema } from "#gen/matinee/playback/v1/events_pb";
import { AccountDeletedSchema, ListChangedSchema } from "#gen/matinee/profile/v1/events_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { Row_Kind } from "#gen/matinee/recommendations/v1/row_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { openModules, service, type TestPlatform } from "#pkg/testkit/module";
import { recommendations } from "./module.ts";

describe("the recommendations service", () => {
  let platform: TestPlatform;
  const rowsOf = async (profile: string) => {
    const client = platform.client(RecommendationsService, { as: service("catalog") });
    const { rows } = await client.listRows({ profile });
    return new Map(rows.map((row) => [row.kind, row.items.map(({ title }) => title)]));
  };
  const publish = async (published = true) => {
    const title = `titles/${newId()}`;
    if (published) await platform.publish(TitlePublishedSchema, { title, displayTitle: "A", isNew: true });
    return title;
  };
  const progress = (profile: string, title: string, positionMs: number, isFinished = false, key = profile) =>
    platform.append(
      PlaybackProgressedSchema,
      { profile, title, position: durationFromMs(positionMs), isFinished, occurTime: timestampNow() },
      key,
    );

  before(async () => {
    platform = await openModules([recommendations]);
  });
  after(() => platform[Symbol.asyncDispose]());

  it("shows the newest title first, and none that left the catalogue", async () => {
    const [older, newer] = [await publish(), await publish()];
    const profile = `profiles/${newId()}`;
    // Events come in any order.
    const row = await eventually("both are shown", async () => {
      const shown = (await rowsOf(profile)).get(Row_Kind.NEW) ?? [];
      return shown.includes(newer) && shown.includes(older) ? shown : undefined;
    });
    assert.ok(row.indexOf(newer) < row.indexOf(older));
    await platform.publish(TitleUnpublishedSchema, { title: newer });
    await eventually("it is gone", async () => !(await rowsOf(profile)).get(Row_Kind.NEW)?.includes(newer));
  });

  it("believes the larger version of a title, whatever order and clocks its events come with", async () => {
    const title = `titles/${newId()}`;
    const profile = `profiles/${newId()}`;
    const isShown = async () => (await rowsOf(profile)).get(Row_Kind.NEW)?.includes(title) ?? false;
    const comes = async (version: bigint) =>
      platform.untilHandled(await platform.publish(TitlePublishedSchema, { title, isNew: true }, { version }));
    const goes = async (version: bigint) =>
      platform.untilHandled(await platform.publish(TitleUnpublishedSchema, { title }, { version }));
    await comes(2n);
    assert.equal(await isShown(), true);
    await goes(3n);
    assert.equal(await isShown(), false);
    // Said later by a clock that is ahead, of what was before.
    await comes(2n);
    assert.equal(await isShown(), false);
    await comes(4n);
    await goes(3n);
    assert.equal(await isShown(), true);
  });

  it("believes the larger version of a list, whatever order and clocks its events come with", async () => {
    const [profile, title] = [`profiles/${newId()}`, await publish()];
    const tell = async (isListed: boolean, version: bigint) =>
      platform.untilHandled(await platform.publish(ListChangedSchema, { profile, title, isListed }, { version }));
    await tell(true, 2n);
    await eventually("it is kept", async () => (await rowsOf(profile)).has(Row_Kind.MY_LIST));
    await tell(false, 1n);
    assert.equal((await rowsOf(profile)).has(Row_Kind.MY_LIST), true);
    await tell(false, 3n);
    assert.equal((await rowsOf(profile)).has(Row_Kind.MY_LIST), false);
  });

  it("continues what was begun, until it is finished", async () => {
    const profile = `profiles/${newId()}`;
    const [begun, barely] = [await publish(), await publish()];
    await progress(profile, barely, 1_000);
    await progress(profile, begun, 30_000);
    const row = await eventually("it is shown", async () => (await rowsOf(profile)).get(Row_Kind.CONTINUE_WATCHING));
    assert.deepEqual(row, [begun]);
    await progress(profile, begun, 60_000, true);
    await eventually("it is finished", async () => !(await rowsOf(profile)).has(Row_Kind.CONTINUE_WATCHING));
  });

  it("shows another profile nothing of it", async () => {
    const [mine, theirs] = [`profiles/${newId()}`, `profiles/${newId()}`];
    const title = await publish();
    await progress(mine, title, 30_000);
    await platform.publish(ListChangedSchema, { profile: mine, title, isListed: true });
    await eventually("mine is shown", async () => (await rowsOf(mine)).get(Row_Kind.MY_LIST)?.includes(title));
    const rows = await rowsOf(theirs);
    assert.equal(rows.has(Row_Kind.CONTINUE_WATCHING), false);
    assert.equal(rows.has(Row_Kind.MY_LIST), false);
  });

  it("forgets the profiles of an erased account", async () => {
    const profile = `profiles/${newId()}`;
    await progress(profile, await publish(), 30_000);
    await eventually("it is shown", async () => (await rowsOf(profile)).has(Row_Kind.CONTINUE_WATCHING));
    await platform.publish(AccountDeletedSchema, { account: `accounts/${newId()}`, profiles: [profile] });
    await eventually("it is forgotten", async () => !(await rowsOf(profile)).has(Row_Kind.CONTINUE_WATCHING));
  });

  it("learns nothing any more about a profile that was erased, from what comes late", async () => {
    const profile = `profiles/${newId()}`;
    const title = await publish();
    const erased = await platform.publish(AccountDeletedSchema, {
      account: `accounts/${newId()}`,
      profiles: [profile],
    });
    await platform.untilHandled(erased);
    const late = await platform.publish(ListChangedSchema, { profile, title, isListed: true });
    await progress(profile, title, 30_000);
    await platform.untilHandled(late);
    // Behind the late one in the same partition; once it is known, that one has been looked at too.
    const other = `profiles/${newId()}`;
    await progress(other, title, 30_000, false, profile);
    await eventually("the other one is known", async () => (await rowsOf(other)).has(Row_Kind.CONTINUE_WATCHING));
    assert.deepEqual((await rowsOf(profile)).get(Row_Kind.CONTINUE_WATCHING), undefined);
    const db = platform.database("recommendations");
    const id = profile.slice("profiles/".length);
    for (const table of ["history", "list_items"]) {
      assert.deepEqual(await db.query(`select from ${table} where profile_id = $1`, [id]), []);
    }
  });

  it("erases a profile that is written about at the same moment", async () => {
    const title = await publish();
    const profiles = Array.from({ length: 12 }, () => `profiles/${newId()}`);
    const events = await Promise.all(
      profiles.flatMap((profile) => [
        platform.publish(ListChangedSchema, { profile, title, isListed: true }),
        platform.publish(AccountDeletedSchema, { account: `accounts/${newId()}`, profiles: [profile] }),
      ]),
    );
    for (const event of events) await platform.untilHandled(event);
    const ids = profiles.map((name) => name.slice("profiles/".length));
    const left = await platform
      .database("recommendations")
      .query("select from list_items where profile_id = any($1::uuid[])", [ids]);
    assert.deepEqual(left, []);
  });
});
