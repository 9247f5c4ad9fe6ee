import assert from "node:assert/strict";
import type { Cache } from "#pkg/cache/cache";
import { openMemoryCache } from "#pkg/cache/memory";
import { newId, systemClock } from "#pkg/clock/clock";
import { refused } from "#pkg/testkit/refused";
import type { LivePlay } from "./domain/live.ts";
import { errors } from "./errors.ts";
import { LivePlays } from "./live-plays.ts";

describe("the plays of an account in two processes", () => {
  const account = newId();
  let operations: string[] = [];
  let cache: Cache;
  let one: LivePlays;
  let other: LivePlays;

  beforeEach(() => {
    cache = openMemoryCache({ clock: systemClock });
    operations = [];
    const counted = new Proxy(cache, {
      get(target, name: keyof typeof cache) {
        const operation = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          operations.push(String(name));
          return operation.apply(target, args);
        };
      },
    });
    const deps = { cache: counted, store: { listUnended: async () => [] }, clock: systemClock, leaseMs: 60_000 };
    [one, other] = [new LivePlays(deps), new LivePlays(deps)];
  });

  const play = (id: string): LivePlay => ({
    ...{ id, requestId: id, deviceId: "device-0001", deviceName: "A television", tier: "standard", maximumAge: 21 },
    ...{ durationMs: 1, leaseEndsAt: 0, seenAt: 0, checkedAt: 0, toldAt: 0, positionMs: 0 },
  });
  const add = (where: LivePlays, id: string) =>
    where.change(account, (plays) => ({ plays: [...plays, play(id)], result: undefined }));
  const ids = (where: LivePlays) => where.change(account, (plays) => ({ result: plays.map(({ id }) => id) }));
  const beat = (where: LivePlays, id: string, positionMs: number) =>
    where.change<"ended" | "goes on">(account, (plays) => {
      const found = plays.find((one) => one.id === id);
      if (found === undefined) return { result: "ended" };
      return { plays: plays.with(plays.indexOf(found), { ...found, positionMs }), result: "goes on" };
    });

  it("are renewed by one operation where nobody else wrote, and by two where somebody did", async () => {
    await add(one, "a");
    operations = [];
    assert.equal(await beat(one, "a", 1), "goes on");
    assert.deepEqual(operations, ["compareAndSet"]);
    await add(other, "b");
    operations = [];
    assert.equal(await beat(one, "a", 2), "goes on");
    assert.deepEqual(operations, ["compareAndSet", "compareAndSet"]);
    assert.deepEqual(await ids(one), ["a", "b"], "nothing of the other was lost");
  });

  it("are never judged by what was true before", async () => {
    await add(one, "a");
    await add(other, "b");
    assert.deepEqual(await ids(one), ["a", "b"]);
    await other.remove(account, ["a"]);
    assert.equal(await beat(one, "a", 1), "ended");
    const atMostOne = (plays: readonly LivePlay[]) => {
      if (plays.length > 0) throw errors.PLAYS_BUSY();
      return { plays: [play("c")], result: "granted" };
    };
    await assert.rejects(one.change(account, atMostOne), refused("PLAYS_BUSY"));
    await other.remove(account, ["b"]);
    assert.equal(await one.change(account, atMostOne), "granted");
  });

  it("are made again from the record where the cache lost them", async () => {
    await add(one, "a");
    await cache.delete(`playback:{${account}}:plays`);
    assert.equal(await beat(one, "a", 1), "ended");
  });
});
