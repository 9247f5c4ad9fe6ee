/** What the line is expected to carry when a film begins, so that it begins in the picture that it will be watched in. */

const DEFAULT_BITS_PER_SECOND = 4e6;
const MIN_BITS_PER_SECOND = 0.2e6;
const MAX_BITS_PER_SECOND = 100e6;
/** A smaller transfer is mostly waiting. */
const MIN_TRANSFER_BYTES = 60_000;
/** A transfer's own time counts connecting and the server's work as well; a little of the rest is left for sound. */
const CAUTION = 0.8;

export interface Transfer {
  /** On the wire; 0 from the cache. */
  readonly bytes: number;
  readonly ms: number;
}

/** `kept` is what the last play measured; without it the files that the page has loaded say. */
export function startingBandwidth(kept: string | undefined, transfers: readonly Transfer[]): number {
  const last = kept === undefined || kept.trim() === "" ? Number.NaN : Number(kept);
  const rates = transfers
    .filter(({ bytes, ms }) => bytes >= MIN_TRANSFER_BYTES && ms > 0)
    .map(({ bytes, ms }) => ((bytes * 8) / (ms / 1000)) * CAUTION);
  // Several at a time share the line: the fastest is nearest to what it carries.
  const expected = last > 0 ? last : rates.length > 0 ? Math.max(...rates) : DEFAULT_BITS_PER_SECOND;
  return Math.min(MAX_BITS_PER_SECOND, Math.max(MIN_BITS_PER_SECOND, expected));
}

/** What this page has fetched so far. */
export function transfersOfPage(): readonly Transfer[] {
  return performance
    .getEntriesByType("resource")
    .filter((entry) => entry instanceof PerformanceResourceTiming)
    .map(({ transferSize, responseEnd, requestStart }) => ({ bytes: transferSize, ms: responseEnd - requestStart }));
}
