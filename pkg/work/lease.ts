/** A lease on work that others would take up if its holder died: renewed while it is held, and given up when it is lost. */

import type { Clock } from "#pkg/clock/clock";

export interface LeaseOptions {
  readonly clock: Clock;
  /** How often it is renewed; a third of its length lets two renewals fail. */
  readonly everyMs: number;
  /** Until when it is ours if no renewal succeeds. */
  readonly until: Date;
  /** Until when it is ours now, or `lost` where somebody else has it or nobody wants the work any more. */
  readonly renew: () => Promise<Date | "lost">;
  /** Is told of a renewal that failed; the next one may succeed in time. */
  readonly onFailure?: (error: unknown) => void;
}

/** For a lease whose length is ours to choose. */
export interface FixedLeaseOptions extends Pick<LeaseOptions, "clock" | "onFailure"> {
  readonly leaseMs: number;
  /** False where somebody else has it or nobody wants the work any more. */
  readonly renew: (until: Date) => Promise<boolean>;
}

export interface HeldLease extends AsyncDisposable {
  /** Aborted when the lease is no longer ours: renewed by nobody until it ran out, or taken. */
  readonly lost: AbortSignal;
}

/** Renews until it is disposed of, which waits for a renewal that is under way. */
export function holdLease({ clock, everyMs, until, renew, onFailure }: LeaseOptions): HeldLease {
  const lost = new AbortController();
  const ended = new AbortController();
  let untilMs = until.getTime();

  async function run(): Promise<void> {
    while (!lost.signal.aborted) {
      await clock.sleep(everyMs, ended.signal).catch(() => undefined);
      if (ended.signal.aborted) return;
      try {
        const renewed = await renew();
        if (renewed === "lost") lost.abort(new Error("the lease was lost"));
        else untilMs = renewed.getTime();
      } catch (error) {
        onFailure?.(error);
        if (clock.now().getTime() >= untilMs) lost.abort(new Error("the lease ran out while it could not be renewed"));
      }
    }
  }

  const running = run();
  return {
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

/** Holds a lease that began just now; renewed three times in its length, so that two renewals may fail. */
export function holdLeaseFor({ leaseMs, renew, ...rest }: FixedLeaseOptions): HeldLease {
  const until = () => new Date(rest.clock.now().getTime() + leaseMs);
  return holdLease({
    ...rest,
    everyMs: leaseMs / 3,
    until: until(),
    async renew() {
      // Reckoned from before it is asked for, so that it never ends later here than where it is kept.
      const next = until();
      return (await renew(next)) ? next : "lost";
    },
  });
}
