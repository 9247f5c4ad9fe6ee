import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { TitlePublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { AssetRejectedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { type Notification, Notification_Kind } from "#gen/matinee/notification/v1/notification_pb";
import {
  NotificationService,
  type WatchNotificationsResponse,
} from "#gen/matinee/notification/v1/notification_service_pb";
import { AssetPackagedSchema, PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { AccountDeletedSchema } from "#gen/matinee/profile/v1/events_pb";
import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { TranscodeFailedSchema } from "#gen/matinee/transcode/v1/events_pb";
import { eventually } from "#pkg/testkit/eventually";
import { account, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { standingClock, wokenEachTime } from "#pkg/testkit/woken";
import { notification } from "./module.ts";

describe("notification", () => {
  let platform: TestPlatform;

  before(async () => {
    platform = await openModules([notification], {
      settings: { NOTIFICATION_KEEP_ALIVE: "200ms", NOTIFICATION_STREAMS_PER_ACCOUNT: "2" },
    });
  });

  after(() => platform?.[Symbol.asyncDispose]());

  it("tells the owner once that an upload can be played, and again when it is complete", async () => {
    const me = person();
    const asset = `assets/${randomUUID()}`;
    await packaged(me.id, asset, { revision: 0, isComplete: false });
    await listed(me, 1);
    await packaged(me.id, asset, { revision: 0, isComplete: false });
    await packaged(me.id, asset, { revision: 1, isComplete: true });
    const all = await listed(me, 2);
    assert.deepEqual(
      all.map((one) => [one.kind, one.headline, one.subject]),
      [
        [Notification_Kind.UPLOAD_READY, "film.mp4 is ready", asset],
        [Notification_Kind.UPLOAD_PLAYABLE, "film.mp4 can be played", asset],
      ],
    );
  });

  it("does not tell that an upload can be played after it told that it is complete", async () => {
    const me = person();
    const asset = `assets/${randomUUID()}`;
    await packaged(me.id, asset, { revision: 1, isComplete: true });
    await listed(me, 1);
    await packaged(me.id, asset, { revision: 0, isComplete: false });
    await packaged(me.id, `assets/${randomUUID()}`, { revision: 0, isComplete: false });
    const all = await listed(me, 2);
    assert.ok(!all.some((one) => one.kind === Notification_Kind.UPLOAD_PLAYABLE && one.subject === asset));
  });

  it("tells why an upload was refused or could not be processed", async () => {
    const me = person();
    const about = { asset: `assets/${randomUUID()}`, owner: `accounts/${me.id}`, fileName: "🎬.mp4" };
    await platform.publish(AssetRejectedSchema, { ...about, reason: "MEDIA_TRUNCATED", message: "It is cut short." });
    await listed(me, 1);
    const job = `jobs/${randomUUID()}`;
    await platform.publish(TranscodeFailedSchema, { ...about, job, reason: "X", message: "FFmpeg failed." });
    await listed(me, 2);
    await platform.publish(PackageFailedSchema, {
      ...about,
      package: `packages/${randomUUID()}`,
      reason: "X",
      message: "The packager failed.",
    });
    const all = await listed(me, 3);
    assert.deepEqual(
      all.map((one) => [one.kind, one.body]),
      [
        [Notification_Kind.PROCESSING_FAILED, "The packager failed."],
        [Notification_Kind.PROCESSING_FAILED, "FFmpeg failed."],
        [Notification_Kind.UPLOAD_REJECTED, "It is cut short."],
      ],
    );
    assert.ok(all.every((one) => one.headline.startsWith("🎬.mp4 ")));
  });

  it("tells who handed a film in that its title is in the catalogue, the first time", async () => {
    const me = person();
    const asset = `assets/${randomUUID()}`;
    await packaged(me.id, asset, { revision: 1, isComplete: true });
    await listed(me, 1);
    const title = { title: `titles/${randomUUID()}`, displayTitle: "The Paper Boat", asset };
    await platform.publish(TitlePublishedSchema, { ...title, isNew: false });
    await platform.publish(TitlePublishedSchema, { ...title, asset: `assets/${randomUUID()}`, isNew: true });
    await platform.publish(TitlePublishedSchema, { ...title, isNew: true });
    const all = await listed(me, 2);
    assert.equal(all[0]?.kind, Notification_Kind.TITLE_PUBLISHED);
    assert.equal(all[0]?.headline, "The Paper Boat is in the catalogue");
    assert.equal(all[0]?.subject, title.title);
  });

  it("tells it whichever of the two events comes first, however often each comes", async () => {
    const me = person();
    const asset = `assets/${randomUUID()}`;
    const first = { title: `titles/${randomUUID()}`, displayTitle: "The Paper Boat", asset };
    const second = { title: `titles/${randomUUID()}`, displayTitle: "The Paper Boat, restored", asset };
    const events = await Promise.all([
      platform.publish(TitlePublishedSchema, { ...first, isNew: true }),
      platform.publish(TitlePublishedSchema, { ...second, isNew: true }),
    ]);
    for (const event of events) await platform.untilHandled(event);
    assert.deepEqual((await me.client.listNotifications({})).notifications, []);
    await packaged(me.id, asset, { revision: 1, isComplete: true });
    await packaged(me.id, asset, { revision: 1, isComplete: true });
    await listed(me, 3);
    await packaged(me.id, asset, { revision: 2, isComplete: true });
    const all = await listed(me, 4);
    const titles = all.filter(({ kind }) => kind === Notification_Kind.TITLE_PUBLISHED);
    assert.deepEqual(new Set(titles.map(({ subject }) => subject)), new Set([first.title, second.title]));
    assert.equal(titles.length, 2);
    assert.equal(await rows("waiting_messages", `asset = '${asset}'`), 0);
  });

  it("loses neither where both events are handled at the same time", async () => {
    const people = Array.from({ length: 12 }, () => ({ me: person(), asset: `assets/${randomUUID()}` }));
    await Promise.all(
      people.flatMap(({ me, asset }) => [
        platform.publish(TitlePublishedSchema, {
          title: `titles/${randomUUID()}`,
          displayTitle: "Both",
          asset,
          isNew: true,
        }),
        packaged(me.id, asset, { revision: 1, isComplete: true }),
      ]),
    );
    for (const { me } of people) await listed(me, 2);
  });

  it("erases an account's inbox for good: what comes late does not fill it again", async () => {
    const me = person();
    const asset = `assets/${randomUUID()}`;
    await packaged(me.id, asset, { revision: 0, isComplete: false });
    await listed(me, 1);
    for (let times = 0; times < 2; times++) {
      await platform.untilHandled(await platform.publish(AccountDeletedSchema, { account: `accounts/${me.id}` }));
      await eventually("the inbox is empty", async () => {
        return (await me.client.listNotifications({})).notifications.length === 0;
      });
      const late = [
        await packaged(me.id, asset, { revision: 1, isComplete: true }),
        await refuse(me.id, "late.mp4"),
        await platform.publish(TitlePublishedSchema, { title: `titles/${randomUUID()}`, asset, isNew: true }),
      ];
      for (const event of late) await platform.untilHandled(event);
      assert.deepEqual((await me.client.listNotifications({})).notifications, []);
    }
    assert.equal(await rows("asset_owners", `owner_id = '${me.id}'`), 0);
  });

  it("shows alerts to operators who may read quality, and to nobody else", async () => {
    const operatorClient = platform.client(NotificationService, { as: operator(["quality.read"]) });
    await platform.publish(QualityAlertSchema, { metric: "rebuffer_ratio", value: 0.1234567, threshold: 0.02 });
    const alert = await eventually("the alert is there", async () => {
      return (await operatorClient.listNotifications({})).notifications[0];
    });
    assert.equal(alert.headline, "Playing became bad: rebuffer ratio is 0.123");
    for (const as of [account(), operator(["assets.read"])]) {
      assert.deepEqual((await platform.client(NotificationService, { as }).listNotifications({})).notifications, []);
    }
  });

  it("lists page by page, counts what is unread, and marks as read twice without harm", async () => {
    const me = person();
    for (let i = 1; i <= 3; i++) {
      await refuse(me.id, `${i}.mp4`);
      await listed(me, i);
    }
    const first = await me.client.listNotifications({ pageSize: 2 });
    const second = await me.client.listNotifications({ pageSize: 2, pageToken: first.nextPageToken });
    assert.deepEqual(
      [...first.notifications, ...second.notifications].map((one) => one.headline[0]),
      ["3", "2", "1"],
    );
    assert.equal(second.nextPageToken, "");
    assert.equal(first.unreadCount, 3);

    const names = first.notifications.map((one) => one.name);
    await person().client.markNotificationsRead({ names });
    assert.equal((await me.client.listNotifications({})).unreadCount, 3, "a stranger marks nothing");
    await me.client.markNotificationsRead({ names });
    const marked = await me.client.listNotifications({});
    assert.equal(marked.unreadCount, 1);
    await me.client.markNotificationsRead({ names });
    assert.deepEqual((await me.client.listNotifications({})).notifications, marked.notifications);
  });

  it("marks everything up to what a person was shown, also what lies below the page, and nothing newer", async () => {
    const [me, other] = [person(), person()];
    for (let i = 1; i <= 5; i++) await refuse(me.id, `${i}.mp4`);
    await refuse(other.id, "theirs.mp4");
    await listed(me, 5);
    await listed(other, 1);
    const { notifications } = await me.client.listNotifications({ pageSize: 1 });
    await refuse(me.id, "6.mp4");
    await listed(me, 6);
    await me.client.markNotificationsRead({ through: notifications[0]?.name ?? "" });
    const after = await me.client.listNotifications({});
    assert.equal(after.unreadCount, 1);
    assert.equal(after.notifications[0]?.readTime, undefined);
    assert.equal((await other.client.listNotifications({})).unreadCount, 1);
    await assert.rejects(me.client.markNotificationsRead({}), refused("VALIDATION_FAILED"));
  });

  it("streams what is written from now on, with signs of life in between", async () => {
    const me = person();
    await refuse(me.id, "before.mp4");
    await listed(me, 1);
    using stream = watch(me, "");
    assert.equal((await stream.next())?.notification, undefined);
    assert.equal((await stream.next())?.notification, undefined);
    await refuse(me.id, "after.mp4");
    assert.equal((await stream.nextNotification()).headline, "after.mp4 was refused");
  });

  it("wakes a stream when something is written, which it would see late by its signs of life", async () => {
    await using still = await openModules([notification], { clock: standingClock() });
    const me = person(still);
    using stream = watch(me, "");
    await stream.next();
    await wokenEachTime(async (number) => {
      await refuse(me.id, `${number}.mp4`, still);
      assert.equal((await stream.nextNotification()).headline, `${number}.mp4 was refused`);
    });
  });

  it("goes on after the last one that was seen, so that a reconnect misses none and repeats none", async () => {
    const me = person();
    const seen: Notification[] = [];
    {
      using stream = watch(me, "");
      await stream.next();
      await refuse(me.id, "1.mp4");
      seen.push(await stream.nextNotification());
    }
    for (const name of ["2.mp4", "3.mp4"]) await refuse(me.id, name);
    using stream = watch(me, seen[0]?.name ?? "");
    seen.push(await stream.nextNotification(), await stream.nextNotification());
    await refuse(me.id, "4.mp4");
    seen.push(await stream.nextNotification());
    assert.deepEqual(seen.map((one) => one.headline[0]).sort(), ["1", "2", "3", "4"]);
  });

  it("streams only the account's own", async () => {
    const [me, other] = [person(), person()];
    using stream = watch(me, "");
    await stream.next();
    await refuse(other.id, "theirs.mp4");
    await listed(other, 1);
    await refuse(me.id, "mine.mp4");
    assert.equal((await stream.nextNotification()).headline, "mine.mp4 was refused");
  });

  it("bounds the streams of an account, and frees what is closed", async () => {
    const me = person();
    using one = watch(me, "");
    await one.next();
    {
      using two = watch(me, "");
      await two.next();
      using three = watch(me, "");
      await assert.rejects(three.next(), refused("NOTIFICATION_STREAMS_EXHAUSTED"));
    }
    await eventually("a stream is free again", async () => {
      using three = watch(me, "");
      return (await three.next()) !== undefined;
    });
  });

  async function rows(table: string, where = "true"): Promise<number> {
    const [row] = await platform
      .database("notification")
      .query(`select count(*)::int as count from ${table} where ${where}`);
    return Number(row?.count);
  }

  function person(on = platform) {
    const id = randomUUID();
    return { id, client: on.client(NotificationService, { as: account({ accountId: id }) }) };
  }

  function refuse(accountId: string, fileName: string, on = platform): Promise<string> {
    return on.publish(AssetRejectedSchema, {
      asset: `assets/${randomUUID()}`,
      owner: `accounts/${accountId}`,
      fileName,
      reason: "MEDIA_NO_VIDEO",
      message: "There is no video.",
    });
  }

  function packaged(accountId: string, asset: string, revision: { revision: number; isComplete: boolean }) {
    const name = `packages/${asset.slice("assets/".length)}@${revision.revision}`;
    return platform.publish(AssetPackagedSchema, {
      package: { name, asset, ...revision },
      owner: `accounts/${accountId}`,
      fileName: "film.mp4",
    });
  }

  function listed(me: ReturnType<typeof person>, count: number): Promise<Notification[]> {
    return eventually(`${count} notifications are there`, async () => {
      const { notifications } = await me.client.listNotifications({});
      return notifications.length >= count ? notifications : undefined;
    });
  }

  function watch(me: ReturnType<typeof person>, after: string) {
    const controller = new AbortController();
    const iterator = me.client.watchNotifications({ after }, { signal: controller.signal })[Symbol.asyncIterator]();
    const next = async (): Promise<WatchNotificationsResponse | undefined> => (await iterator.next()).value;
    return {
      next,
      async nextNotification(): Promise<Notification> {
        for (;;) {
          const response = await next();
          assert.ok(response, "the stream has ended");
          if (response.notification !== undefined) return response.notification;
        }
      },
      [Symbol.dispose]: () => controller.abort(),
    };
  }
});
