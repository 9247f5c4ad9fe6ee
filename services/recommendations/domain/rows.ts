/** Rows of a home page, and what may be in them. */

export type RowKind = "continue_watching" | "my_list" | "new";

export interface RowItem {
  readonly titleId: string;
  readonly resumePositionMs: number | undefined;
}

export interface Row {
  readonly kind: RowKind;
  readonly items: readonly RowItem[];
}

/** Watched for less than this is not worth continuing. */
const BARELY_BEGUN_MS = 5_000;

/** What was begun and not finished, most recent first. */
export function toContinue(
  history: readonly { readonly titleId: string; readonly positionMs: number; readonly isFinished: boolean }[],
): RowItem[] {
  return history
    .filter(({ positionMs, isFinished }) => !isFinished && positionMs >= BARELY_BEGUN_MS)
    .map(({ titleId, positionMs }) => ({ titleId, resumePositionMs: positionMs }));
}

/** The rows from top to bottom; empty ones are left out. */
export function arrange(rows: readonly Row[]): Row[] {
  return rows.filter(({ items }) => items.length > 0);
}
