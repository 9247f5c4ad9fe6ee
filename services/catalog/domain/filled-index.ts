/** What the catalog knows of its search index, and when that index has to be filled anew. */

export type RebuildReason = "made_anew" | "outdated" | "asked";

export interface FilledIndex {
  /** The newest generation that was begun: whole where the index answers with it. */
  readonly generation: string;
  readonly reason: RebuildReason;
  /** Somebody asked for a rebuild that has not begun. */
  readonly isWanted: boolean;
  /** Titles that were read, of about `total`. */
  readonly done: number;
  readonly total: number;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
}

export type IndexState = "ready" | "waiting" | "rebuilding";

export function stateOf(filled: FilledIndex | undefined): IndexState {
  if (filled?.startedAt === undefined || filled.isWanted) return "waiting";
  return filled.endedAt === undefined ? "rebuilding" : "ready";
}

/** Why the index is to be rebuilt, undefined where it is not; a rebuild that did not come to its end keeps its reason. */
export function rebuildReason(
  filled: FilledIndex | undefined,
  answering: { readonly id: string; readonly isOutdated: boolean },
): RebuildReason | undefined {
  if (filled?.isWanted === true) return "asked";
  if (filled?.generation !== answering.id) {
    return filled?.startedAt !== undefined && filled.endedAt === undefined ? filled.reason : "made_anew";
  }
  return answering.isOutdated ? "outdated" : undefined;
}
