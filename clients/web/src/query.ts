/** What the service answered, kept for a while, shown at once and asked for again. */

import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { useApp } from "./app-context.ts";
import { useComeback } from "./use-comeback.ts";

/** An answer of this age is shown and asked for again. */
const FRESH_MS = 4_000;
const MAX_ENTRIES = 100;

export interface Query<T> {
  readonly data: T | undefined;
  readonly error: MatineeError | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
  /** Shows this instead, such as the answer of a change. */
  readonly set: (data: T) => void;
}

interface Entry {
  readonly data: unknown;
  readonly error: MatineeError | undefined;
  readonly isLoading: boolean;
  readonly atMs: number;
}

const EMPTY: Entry = { data: undefined, error: undefined, isLoading: true, atMs: 0 };

export class QueryCache {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get(key: string): Entry {
    return this.#entries.get(key) ?? EMPTY;
  }

  set(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    for (const listener of this.#listeners) listener();
  }

  clear(): void {
    this.#entries.clear();
    for (const listener of this.#listeners) listener();
  }
}

/** `load` may change between renders; the key alone says what is asked. */
export function useQuery<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Query<T> {
  const { queries } = useApp();
  const entry = useSyncExternalStore(queries.subscribe, () => queries.get(key));
  const latest = useRef(load);
  latest.current = load;

  const ask = useCallback(
    async (signal: AbortSignal) => {
      try {
        const data = await latest.current(signal);
        if (!signal.aborted) queries.set(key, { data, error: undefined, isLoading: false, atMs: Date.now() });
      } catch (cause) {
        if (signal.aborted) return;
        const { data } = queries.get(key);
        queries.set(key, { data, error: toMatineeError(cause), isLoading: false, atMs: 0 });
      }
    },
    [key, queries],
  );

  useEffect(() => {
    if (Date.now() - queries.get(key).atMs < FRESH_MS) return;
    const stop = new AbortController();
    void ask(stop.signal);
    return () => stop.abort();
  }, [key, queries, ask]);

  const reload = () => void ask(new AbortController().signal);
  useComeback(entry.error, reload);

  return {
    data: entry.data as T | undefined,
    error: entry.error,
    isLoading: entry.isLoading,
    reload: () => {
      if (entry.data === undefined) queries.set(key, EMPTY);
      reload();
    },
    set: (data) => queries.set(key, { data, error: undefined, isLoading: false, atMs: Date.now() }),
  };
}
