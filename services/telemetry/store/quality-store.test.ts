import assert from "node:assert/strict";
import { newId } from "#pkg/clock/clock";
import { type TestDb, testDb } from "#pkg/testkit/postgres";
import type { PlayerEvent, PlayerEventBatch } from "../domain/player-event.ts";
import { openQualityStore, type QualityStore } from "./quality-store.ts";

const NOON = new Date("2026-01-01T12:00:00Z");
const LATER = new Date("2026-01-08T12:00:00Z");

describe("the quality store", () => {
  let test: TestDb;
  let store: QualityStore;

  before(async () => {
    test = await testDb("telemetry", new URL("../migrations/", import.meta.url));
    store = openQualityStore(test.db);
  });

  after(() => test?.[Symbol.asyncDispose]());

  it("forgets old events a bounded number at a time, and keeps what they added up to", async () => {
    const session = newBatch(NOON);
    await add({ ...session, events: [1, 2, 3, 4, 5].map((i) => played(i * 1000)) });
    assert.equal(await store.pruneEvents(NOON, 2), 0);
    const removed: number[] = [];
    for (;;) {
      const count = await store.pruneEvents(LATER, 2);
      if (count === 0) break;
      removed.push(count);
    }
    assert.deepEqual(removed, [2, 2, 1]);
    assert.equal((await summary(session)).playingMs, 5000);
  });

  it("lets no session shrink when an event comes after the others were forgotten", async () => {
    const session = newBatch(NOON);
    await add({ ...session, events: [{ ...played(60_000), stalledMs: 500 }, started(100)] });
    while ((await store.pruneEvents(LATER, 100)) > 0);
    await add({ ...session, receivedAt: LATER, events: [played(1000)] });
    const after = await summary(session);
    assert.equal(after.playingMs, 60_000);
    assert.equal(after.startedCount, 1);
    assert.equal(after.medianStartupMs, 100);
    assert.equal(after.averageBitsPerSecond, 1000);
  });

  it("forgets old sessions a bounded number at a time", async () => {
    const old = new Date("2025-01-01T12:00:00Z");
    const titleId = newId();
    for (let i = 0; i < 3; i++) await add({ ...newBatch(old), titleId, events: [started(1)] });
    const before = new Date("2025-06-01T12:00:00Z");
    assert.equal(await store.pruneSessions(before, 2), 2);
    assert.equal(await store.pruneSessions(before, 2), 1);
    assert.equal(await store.pruneSessions(before, 2), 0);
  });

  it("raises the same alert again only after its pause", async () => {
    const breach = { metric: "rebuffer_ratio", titleId: newId(), value: 1, threshold: 0.5 } as const;
    const raise = (now: Date, pausedSince: Date) => test.db.tx((tx) => store.raise(tx, breach, now, pausedSince));
    const minutesAfterNoon = (minutes: number) => new Date(NOON.getTime() + minutes * 60_000);
    assert.equal(await raise(NOON, minutesAfterNoon(-60)), true);
    assert.equal(await raise(minutesAfterNoon(59), minutesAfterNoon(-1)), false);
    assert.equal(await raise(minutesAfterNoon(61), minutesAfterNoon(1)), true);
  });

  function add(batch: PlayerEventBatch): Promise<number> {
    return test.db.tx((tx) => store.add(tx, [batch]));
  }

  function summary(session: PlayerEventBatch) {
    return store.summarize({ titleId: session.titleId, from: new Date(0), to: new Date(), silentSince: new Date() });
  }
});

function newBatch(receivedAt: Date): PlayerEventBatch {
  return { sessionId: newId(), titleId: newId(), territory: "US", receivedAt, events: [] };
}

function played(playingMs: number): PlayerEvent {
  return {
    id: newId(),
    sequence: playingMs,
    kind: "sample",
    occurredAt: NOON,
    playingMs,
    stalledMs: 0,
    bitsPerSecond: 1000,
  };
}

function started(startupMs: number): PlayerEvent {
  return { id: newId(), sequence: 0, kind: "first_frame", occurredAt: NOON, startupMs };
}
