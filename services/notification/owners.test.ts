/** Whose inbox is whose: nobody reads, follows or marks what was told to somebody else. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { AssetRejectedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { NotificationService } from "#gen/matinee/notification/v1/notification_service_pb";
import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { account, type Caller, creator, openModules, operator, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { notification } from "./module.ts";

describe("an inbox", () => {
  let platform: TestPlatform;
  const mine = randomUUID();

  before(async () => {
    platform = await openModules([notification], { settings: { NOTIFICATION_KEEP_ALIVE: "100ms" } });
    for (let count = 0; count < 3; count++) await reject(mine, `secret-${count}.mp4`);
    await platform.untilHandled(
      await platform.publish(QualityAlertSchema, { metric: "rebuffer_ratio", value: 0.5, threshold: 0.02 }),
    );
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const as = (caller: Caller) => platform.client(NotificationService, { as: caller });
  const me = () => as(account({ accountId: mine }));
  const everyone = (): Caller[] => [account(), creator(), operator([]), operator(["assets.read", "quality.read"])];

  async function reject(accountId: string, fileName: string): Promise<void> {
    const event = {
      asset: `assets/${randomUUID()}`,
      owner: `accounts/${accountId}`,
      fileName,
      reason: "X",
      message: "",
    };
    await platform.untilHandled(await platform.publish(AssetRejectedSchema, event));
  }

  it("is listed to its account only, also with the page token of its account", async () => {
    const { nextPageToken } = await me().listNotifications({ pageSize: 1 });
    assert.notEqual(nextPageToken, "");
    for (const caller of everyone()) {
      for (const pageToken of ["", nextPageToken]) {
        const { notifications } = await as(caller).listNotifications({ pageSize: 200, pageToken });
        assert.ok(notifications.every(({ headline }) => !headline.includes("secret")));
      }
    }
  });

  it("is streamed to nobody who names one of its notifications to go on after", async () => {
    const { notifications } = await me().listNotifications({});
    const after = notifications.at(-1)?.name ?? assert.fail("there is none");
    for (const caller of everyone()) {
      const stream = as(caller).watchNotifications({ after })[Symbol.asyncIterator]();
      for (let count = 0; count < 3; count++) {
        const { value } = await stream.next();
        assert.ok(!(value?.notification?.headline ?? "").includes("secret"));
      }
      await stream.return?.();
    }
  });

  it("keeps its marks, whoever names its notifications or one to read up to", async () => {
    const { notifications, unreadCount } = await me().listNotifications({});
    const names = notifications.map(({ name }) => name);
    for (const caller of everyone()) {
      await as(caller).markNotificationsRead({ names });
      await as(caller).markNotificationsRead({ through: names[0] ?? "" });
    }
    assert.equal((await me().listNotifications({})).unreadCount, unreadCount);
    assert.ok(unreadCount >= 3);
  });

  it("of the operators is closed to whoever may not read quality", async () => {
    const reads = async (caller: Caller) =>
      (await as(caller).listNotifications({})).notifications.some(({ headline }) => headline.startsWith("Playing"));
    assert.equal(await reads(operator(["quality.read"])), true);
    const pretender = { ...(creator() as Extract<Caller, { kind: "user" }>), permissions: ["quality.read"] };
    for (const caller of [account(), creator(), operator(["assets.read"]), pretender]) {
      assert.equal(await reads(caller), false);
    }
  });

  it("is closed to nobody signed in", async () => {
    const client = platform.client(NotificationService);
    for (const call of [() => client.listNotifications({}), () => client.markNotificationsRead({ through: "" })]) {
      await assert.rejects(call(), refused("SIGN_IN_REQUIRED"));
    }
  });
});
