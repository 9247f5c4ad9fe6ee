/**
 * What the service answered, kept by TanStack Query: shown at once, and asked for again once it is no longer fresh. What
 * failed because nobody answered is asked again by itself, and says so meanwhile.
 */

import { Code } from "@connectrpc/connect";
import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import {
  hashKey,
  QueryClient,
  type QueryKey,
  useQueryClient,
  useQuery as useTanstackQuery,
} from "@tanstack/react-query";
import { useState } from "react";
import { useComeback } from "./use-comeback.ts";

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: MatineeError;
  }
}

/** An answer of this age is shown and asked for again. */
const FRESH_MS = 4_000;

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        // The SDK repeats what may pass at once; what takes longer is `useComeback`'s, which knows refusals from silence.
        retry: false,
        refetchOnReconnect: false,
        refetchOnWindowFocus: false,
        // A network that is gone is a failure to be told, not a reason to wait in silence.
        networkMode: "always",
        // Messages hold what is no plain JSON.
        structuralSharing: false,
      },
    },
  });
}

/** What there is no more, or not for this person, is not shown from memory; after other failures it is. */
const GONE: ReadonlySet<Code> = new Set([Code.NotFound, Code.PermissionDenied]);

export interface Query<T> {
  readonly data: T | undefined;
  readonly error: MatineeError | undefined;
  readonly reload: () => void;
  /** Shows this instead, such as the answer of a change. */
  readonly set: (data: T) => void;
}

/** `load` may change between renders; the key alone says what is asked. */
export function useQuery<T>(key: QueryKey, load: (signal: AbortSignal) => Promise<T>): Query<T> {
  const queries = useQueryClient();
  const { data, error, isFetching, refetch } = useTanstackQuery({
    queryKey: key,
    queryFn: ({ signal }) => load(signal).catch(rethrow),
  });
  return {
    data: error !== null && GONE.has(error.code) ? undefined : data,
    ...useFailure(key, { error, isFetching, again: () => void refetch() }),
    set: (changed) => void queries.setQueryData(key, changed),
  };
}

/** For what a query's function throws. */
export function rethrow(cause: unknown): never {
  throw toMatineeError(cause);
}

interface Asked {
  readonly error: MatineeError | null;
  readonly isFetching: boolean;
  readonly again: () => void;
}

/** A failure stays on the page while it is asked again by itself, and goes where a person asks again. */
export function useFailure(key: QueryKey, { error, isFetching, again }: Asked): Pick<Query<never>, "error" | "reload"> {
  const hash = hashKey(key);
  const [last, setLast] = useState<{ readonly hash: string; readonly error: MatineeError }>();
  useComeback(error ?? undefined, () => {
    if (error !== null) setLast({ hash, error });
    again();
  });
  const kept = isFetching && last?.hash === hash ? last.error : undefined;
  return {
    error: error ?? kept,
    reload() {
      setLast(undefined);
      again();
    },
  };
}
