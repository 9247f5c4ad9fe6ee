/** The studio's films: page by page as the service lists them, kept as they change. */

import type { MatineeError } from "@matinee/sdk/errors";
import type { Film } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { FilmService, ListFilmsRequest_Group as Group } from "@matinee/sdk/gen/matinee/catalog/v1/film_service_pb";
import type { Platform } from "@matinee/sdk/platform";
import { toDate } from "@matinee/sdk/time";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useApp } from "../app-context.ts";
import type { FilmChange } from "../live.ts";
import { useQuery } from "../query.ts";

const PAGE = 50;
const MAX_PAGE = 200;
/** Under a filter the service decides what belongs to the list: it is asked again at most this often. */
const ASK_AGAIN_MS = 3_000;

export interface FilmFilter {
  readonly group: Group;
  readonly query: string;
}

export interface FilmList {
  /** Newest first; undefined before the first answer. */
  readonly films: readonly Film[] | undefined;
  readonly error: MatineeError | undefined;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly more: () => Promise<void>;
  readonly reload: () => void;
}

interface Listed {
  readonly films: readonly Film[];
  readonly nextPageToken: string;
}

export function useFilms(filter: FilmFilter): FilmList {
  const { platform, live } = useApp();
  const queries = useQueryClient();
  const key = ["films", filter.group, filter.query];
  const shown = () => queries.getQueryData<Listed>(key);
  const list = useQuery<Listed>(key, (signal) => load(platform, filter, shown()?.films.length ?? 0, signal));
  const [isLoadingMore, setLoadingMore] = useState(false);
  const latest = useRef({ list, shown });
  latest.current = { list, shown };
  const isFiltered = filter.group !== Group.UNSPECIFIED || filter.query !== "";

  // biome-ignore lint/correctness/useExhaustiveDependencies: another list listens anew
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askAgain = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        latest.current.list.reload();
      }, ASK_AGAIN_MS);
    };
    const stop = live.onFilm((change) => {
      const known = latest.current.shown();
      if (known === undefined) return;
      if (change.film === undefined && change.gone === "") return latest.current.list.reload();
      const next = withChange(known.films, change, !isFiltered, known.nextPageToken === "");
      if (next === undefined) askAgain();
      else latest.current.list.set({ ...known, films: next });
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [live, filter.group, filter.query]);

  return {
    films: list.data?.films,
    error: list.error,
    hasMore: (list.data?.nextPageToken ?? "") !== "",
    isLoadingMore,
    async more() {
      const known = shown();
      if (known === undefined || known.nextPageToken === "" || isLoadingMore) return;
      setLoadingMore(true);
      try {
        const page = await platform
          .client(FilmService)
          .listFilms({ pageSize: PAGE, pageToken: known.nextPageToken, ...filter });
        const now = shown() ?? known;
        const names = new Set(now.films.map(({ name }) => name));
        const films = [...now.films, ...page.films.filter(({ name }) => !names.has(name))];
        list.set({ films, nextPageToken: page.nextPageToken });
      } finally {
        setLoadingMore(false);
      }
    },
    reload: list.reload,
  };
}

/** As many as are shown already, so that nobody is thrown back to the first page. */
async function load(platform: Platform, filter: FilmFilter, shown: number, signal: AbortSignal): Promise<Listed> {
  const films: Film[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(MAX_PAGE, Math.max(PAGE, shown - films.length));
    const page = await platform.client(FilmService).listFilms({ pageSize, pageToken, ...filter }, { signal });
    films.push(...page.films);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && films.length < shown);
  return { films, nextPageToken: pageToken };
}

/** The list with the change; undefined where only the service can say whether the film belongs to it. */
export function withChange(
  films: readonly Film[],
  change: FilmChange,
  isWhole: boolean,
  isAtEnd: boolean,
): readonly Film[] | undefined {
  const { film } = change;
  if (film === undefined) return films.filter(({ name }) => name !== change.gone);
  const at = films.findIndex(({ name }) => name === film.name);
  if (at >= 0) return madeMs(film, "updateTime") < madeMs(films[at], "updateTime") ? films : films.with(at, film);
  if (!isWhole) return undefined;
  const behind = films.findIndex((other) => madeMs(other, "createTime") < madeMs(film, "createTime"));
  if (behind >= 0) return films.toSpliced(behind, 0, film);
  // Older than what is shown: it comes with the next page.
  return isAtEnd ? [...films, film] : films;
}

function madeMs(film: Film | undefined, field: "createTime" | "updateTime"): number {
  return toDate(film?.[field])?.getTime() ?? 0;
}
