/** How much one account may hand in. */

/** What an account has, or may have at most. */
export interface Holding {
  /** Uploads that are under way or being inspected. */
  readonly openUploads: number;
  /** Their announced sizes together. */
  readonly openBytes: number;
  /** Sizes of all its originals together, those under way included. */
  readonly storedBytes: number;
}

export type Limit = keyof Holding;

/** The first limit that is passed, the narrowest first; undefined where all are kept. */
export function exceededLimit(held: Holding, quota: Holding): Limit | undefined {
  return (["openUploads", "openBytes", "storedBytes"] as const).find((limit) => held[limit] > quota[limit]);
}

/** `1.5 TiB`, as far as it matters to a person. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 2 ** (10 * power);
  return `${Number(value.toFixed(1))} ${units[power]}`;
}
