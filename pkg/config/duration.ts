/** Durations as people write them: `250ms`, `10s`, `5m`, `24h`, `7d`. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds; undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return value === undefined || factor === undefined ? undefined : Math.round(Number(value) * factor);
}

/** The shortest exact form. */
export function printDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const factor = UNITS[unit] ?? 1;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}
