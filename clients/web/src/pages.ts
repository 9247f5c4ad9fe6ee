/** Long lists that come page by page: the first with the page, the next when the end is near. */

import type { MatineeError } from "@matinee/sdk/errors";
import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { rethrow, useFailure } from "./query.ts";

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
export function usePages<T>(
  key: QueryKey,
  load: (pageToken: string, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  const { data, error, isFetching, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } =
    useInfiniteQuery({
      queryKey: key,
      queryFn: ({ pageParam, signal }) => load(pageParam, signal).catch(rethrow),
      initialPageParam: "",
      getNextPageParam: ({ nextPageToken }) => (nextPageToken === "" ? undefined : nextPageToken),
    });
  const again = () => void (isFetchNextPageError ? fetchNextPage() : refetch());
  return {
    items: useMemo(() => data?.pages.flatMap(({ items }) => items), [data]),
    ...useFailure(key, { error, isFetching, again }),
    hasMore: hasNextPage,
    isLoadingMore: isFetchingNextPage,
    more() {
      if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
    },
  };
}
