import assert from "node:assert/strict";
import { ManualClock, systemClock } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { holdLease, holdLeaseFor } from "./lease.ts";
import { WakeUp } from "./wake-up.ts";

const far = () => new Date(Date.now() + 3_600_000);

describe("a lease", () => {
  it("is renewed until it is disposed of, and then no more", async () => {
    let renewals = 0;
    const renew = async () => {
      renewals += 1;
      return far();
    };
    const held = holdLease({ clock: systemClock, everyMs: 1, until: far(), renew });
    await eventually("it is renewed", () => renewals >= 3);
    await held[Symbol.asyncDispose]();
    const after = renewals;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([renewals, held.lost.aborted], [after, false]);
  });

  it("is lost where somebody else has it", async () => {
    await using held = holdLease({ clock: systemClock, everyMs: 1, until: far(), renew: async () => "lost" });
    await eventually("it is lost", () => held.lost.aborted);
  });

  it("outlives renewals that fail, but not its own end", async () => {
    const failures: unknown[] = [];
    let end = far();
    const renew = async (): Promise<Date> => {
      if (failures.length < 3) throw new Error("the database is away");
      if (end.getTime() > Date.now()) {
        end = new Date(0);
        return end;
      }
      throw new Error("and stays away");
    };
    const onFailure = (error: unknown) => failures.push(error);
    await using held = holdLease({ clock: systemClock, everyMs: 1, until: far(), renew, onFailure });
    await eventually("it ran out", () => held.lost.aborted);
    assert.equal(failures.length, 4, "three failures did no harm");
  });

  it("of a chosen length is renewed three times in it, each time for the whole, and outlives two renewals that fail", async () => {
    const clock = new ManualClock(new Date(0));
    const renewals: number[] = [];
    const renew = async (until: Date): Promise<boolean> => {
      renewals.push(until.getTime());
      if (renewals.length > 1) throw new Error("the database is away");
      return true;
    };
    let failures = 0;
    const onFailure = () => {
      failures += 1;
    };
    await using held = holdLeaseFor({ clock, leaseMs: 300, renew, onFailure });
    for (const [at, until] of [400, 500, 600, 700].entries()) {
      clock.advance(100);
      await eventually("it was renewed", () => renewals.length === at + 1);
      assert.equal(renewals[at], until);
      await eventually("what failed was told", () => failures === at);
      // The first renewal, at 100, was for 300.
      assert.equal(held.lost.aborted, at === 3, `${at + 1} renewals`);
    }
  });

  it("of a chosen length is lost where its renewal is refused", async () => {
    const clock = new ManualClock(new Date(0));
    await using held = holdLeaseFor({ clock, leaseMs: 300, renew: async () => false });
    clock.advance(100);
    await eventually("it is lost", () => held.lost.aborted);
  });
});

describe("a wake-up", () => {
  it("that comes before anybody waits is not lost", async () => {
    const wakeUp = new WakeUp();
    wakeUp.wake();
    await wakeUp.wait(3_600_000, systemClock, new AbortController().signal);
    wakeUp.reset();
    const waiting = wakeUp.wait(3_600_000, systemClock, new AbortController().signal);
    wakeUp.wake();
    await waiting;
  });
});
