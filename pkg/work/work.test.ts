import assert from "node:assert/strict";
import { systemClock } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { holdLease } from "./lease.ts";
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
