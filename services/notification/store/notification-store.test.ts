import assert from "node:assert/strict";
import { newId } from "#pkg/clock/clock";
import { type TestDb, testDb } from "#pkg/testkit/postgres";
import type { Message } from "../domain/notification.ts";
import { type NotificationStore, openNotificationStore } from "./notification-store.ts";

const NOON = new Date("2026-01-01T12:00:00Z");

describe("the notification store", () => {
  let test: TestDb;
  let store: NotificationStore;

  before(async () => {
    test = await testDb("notification", new URL("../migrations/", import.meta.url));
    store = openNotificationStore(test.db);
  });

  after(() => test?.[Symbol.asyncDispose]());

  it("shows an inbox in the order of its numbers however many write to it at once, so that no reader skips one", async () => {
    const inbox = newId();
    let position = await store.positionAfter([inbox], undefined);
    const seen: string[] = [];
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 40 }, (_, i) => test.db.tx((tx) => store.add(tx, inbox, message(`${i}`), NOON))),
    ).finally(() => {
      writing = false;
    });
    for (let last = false; !last; ) {
      last = !writing;
      const batch = await store.listBehind(position, 7);
      seen.push(...batch.map((one) => one.headline));
      if (batch.length > 0) last = false;
      position = new Map([[inbox, batch.at(-1)?.seq ?? position.get(inbox) ?? 0]]);
    }
    await writers;
    assert.equal(seen.length, 40);
    assert.equal(new Set(seen).size, 40);
  });

  it("begins after a notification that was forgotten with those that were written later", async () => {
    const inbox = newId();
    for (const headline of ["1", "2", "3"]) await add(inbox, headline, headline === "1" ? NOON : new Date());
    const first = (await store.list([inbox], { afterId: undefined, limit: 10 })).at(-1);
    while ((await store.prune(new Date(NOON.getTime() + 1), 1)) > 0);
    const behind = await store.listBehind(await store.positionAfter([inbox], first?.id), 10);
    assert.deepEqual(
      behind.map((one) => one.headline),
      ["2", "3"],
    );
  });

  it("merges the inboxes that a person reads", async () => {
    const [own, shared] = [newId(), newId()];
    await add(shared, "before");
    const position = await store.positionAfter([own, shared], undefined);
    await add(own, "mine");
    await add(shared, "ours");
    const behind = await store.listBehind(position, 10);
    assert.deepEqual(new Set(behind.map((one) => one.headline)), new Set(["mine", "ours"]));
  });

  function add(inbox: string, headline: string, at = NOON): Promise<boolean> {
    return test.db.tx((tx) => store.add(tx, inbox, message(headline), at));
  }
});

function message(headline: string): Message {
  return { kind: "upload_ready", headline, body: "", subject: "", once: headline };
}
