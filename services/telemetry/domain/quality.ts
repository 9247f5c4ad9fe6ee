/** Quality of experience; the README has the formulae. */

export interface QualitySummary {
  readonly viewCount: number;
  readonly startedCount: number;
  /** Undefined where no session started. */
  readonly medianStartupMs: number | undefined;
  readonly p95StartupMs: number | undefined;
  /** 0 to 1. */
  readonly rebufferRatio: number;
  readonly rebufferCountPerHour: number;
  readonly exitBeforeStartCount: number;
  readonly startupFailureCount: number;
  readonly playbackFailureCount: number;
  readonly businessExceptionCount: number;
  readonly playingMs: number;
  readonly averageBitsPerSecond: number;
  /** 0 to 1. */
  readonly startupFailureRatio: number;
  /** Undefined where no failed start says how long it took. */
  readonly medianStartupFailureMs: number | undefined;
}

/** A metric that is worse than allowed, for a title or, where `titleId` is undefined, over all of them. */
export interface Breach {
  readonly metric: "rebuffer_ratio";
  readonly titleId: string | undefined;
  readonly value: number;
  readonly threshold: number;
}

/** What some sessions add up to, for one title. */
export interface RebufferTotals {
  readonly titleId: string | undefined;
  readonly startedCount: number;
  readonly stalledMs: number;
  readonly playingMs: number;
}

/** Stalled by stalled and playing time; 0 where nothing was played. */
export function rebufferRatio(totals: { readonly stalledMs: number; readonly playingMs: number }): number {
  const wholeMs = totals.stalledMs + totals.playingMs;
  return wholeMs === 0 ? 0 : totals.stalledMs / wholeMs;
}

/** Failed starts by failed and successful ones; 0 where there were neither. Who left or was refused is in neither. */
export function startupFailureRatio(starts: { readonly failedCount: number; readonly startedCount: number }): number {
  const count = starts.failedCount + starts.startedCount;
  return count === 0 ? 0 : starts.failedCount / count;
}

/** Titles that are worse than allowed; and all together, where there are several and it is not one title's fault alone. */
export function findBreaches(
  titles: readonly RebufferTotals[],
  allowed: { readonly rebufferRatio: number; readonly minSessions: number },
): Breach[] {
  const isWorse = (totals: RebufferTotals) =>
    totals.startedCount >= allowed.minSessions && rebufferRatio(totals) > allowed.rebufferRatio;
  const toBreach = (totals: RebufferTotals): Breach => ({
    metric: "rebuffer_ratio",
    titleId: totals.titleId,
    value: rebufferRatio(totals),
    threshold: allowed.rebufferRatio,
  });
  const breaches = titles.filter((totals) => totals.titleId !== undefined && isWorse(totals)).map(toBreach);
  const guilty = new Set(breaches.map((breach) => breach.titleId));
  const others = sum(titles.filter((totals) => totals.titleId === undefined || !guilty.has(totals.titleId)));
  return isWorse(others) ? [...breaches, toBreach(others)] : breaches;
}

function sum(titles: readonly RebufferTotals[]): RebufferTotals {
  return {
    titleId: undefined,
    startedCount: titles.reduce((total, one) => total + one.startedCount, 0),
    stalledMs: titles.reduce((total, one) => total + one.stalledMs, 0),
    playingMs: titles.reduce((total, one) => total + one.playingMs, 0),
  };
}
