/** Long lists that come page by page: the first with the page, the next when the end is near. */

import type { MatineeError } from "@matinee/sdk/errors";
import { toMatineeError } from "@matinee/sdk/errors";
import { useCallback, useRef, useState } from "react";
import { useApp } from "./app-context.ts";
import { useQuery } from "./query.ts";

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface Pages<T> {
  /** Undefined until the first page is there. */
  readonly items: readonly T[] | undefined;
  readonly error: MatineeError | undefined;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly reload: () => void;
  readonly more: () => void;
}

/** `load` gets the token of the page, "" for the first one; `key` says what is listed. */
export function usePages<T>(key: string, load: (pageToken: string, signal: AbortSignal) => Promise<Page<T>>): Pages<T> {
  const { queries } = useApp();
  const latest = useRef(load);
  latest.current = load;
  const first = useQuery<Page<T>>(key, async (signal) => {
    const known = queries.get(key).data as Page<T> | undefined;
    const page = await load("", signal);
    // Who comes back finds as much as was there: what is further down may be a little old.
    return known === undefined || known.items.length <= page.items.length ? page : known;
  });
  const [loadingKey, setLoadingKey] = useState<string>();
  const [failure, setFailure] = useState<{ readonly key: string; readonly error: MatineeError }>();
  const busy = useRef<string>(undefined);
  const { data, set } = first;

  const more = useCallback(async () => {
    if (data === undefined || data.nextPageToken === "" || busy.current === key) return;
    busy.current = key;
    setLoadingKey(key);
    setFailure(undefined);
    try {
      const next = await latest.current(data.nextPageToken, new AbortController().signal);
      set({ items: [...data.items, ...next.items], nextPageToken: next.nextPageToken });
    } catch (cause) {
      setFailure({ key, error: toMatineeError(cause) });
    } finally {
      busy.current = undefined;
      setLoadingKey(undefined);
    }
  }, [key, data, set]);

  return {
    items: data?.items,
    error: first.error ?? (failure?.key === key ? failure.error : undefined),
    hasMore: data !== undefined && data.nextPageToken !== "",
    isLoadingMore: loadingKey === key,
    reload: () => (data === undefined ? first.reload() : void more()),
    more: () => void more(),
  };
}
