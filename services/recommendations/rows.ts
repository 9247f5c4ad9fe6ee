/** The rows of a profile's home page. */

import { arrange, type Row, toContinue } from "./domain/rows.ts";
import type { LearnedStore } from "./store/learned-store.ts";

export type Rows = ReturnType<typeof newRows>;

export function newRows(store: LearnedStore) {
  return {
    async list(profileId: string, maxItems: number): Promise<Row[]> {
      const [history, kept, newest] = await Promise.all([
        store.listHistory(profileId, maxItems),
        store.listKept(profileId, maxItems),
        store.listNewest(maxItems),
      ]);
      const plain = (titleId: string) => ({ titleId, resumePositionMs: undefined });
      return arrange([
        { kind: "continue_watching", items: toContinue(history) },
        { kind: "my_list", items: kept.map(plain) },
        { kind: "new", items: newest.map(plain) },
      ]);
    },
  };
}
