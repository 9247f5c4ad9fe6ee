/** Search as one types: films by name, people, words of the story; also misspelt. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { useEffect, useState } from "react";
import { useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import { useQuery } from "../query.ts";
import { Card, CardSkeleton } from "../ui/card.tsx";
import { Failure, Notice } from "../ui/notice.tsx";
import { Loading } from "../ui/skeleton.tsx";
import { useTitle } from "../use-title.ts";
import page from "./page.module.css";
import styles from "./search.module.css";

/** Long enough not to ask for every letter of a fast hand. */
const PAUSE_MS = 140;

export function SearchPage() {
  const params = new URLSearchParams(useSearch());
  const typed = (params.get("q") ?? "").trim();
  const query = usePause(typed, PAUSE_MS);
  const [genre, setGenre] = useState<string>();
  useTitle(typed === "" ? "Search" : typed);
  const { platform } = useApp();
  const key = `search:${query}:${genre ?? ""}`;
  const result = useQuery(key, async (signal) => {
    const catalog = platform.client(CatalogService);
    if (query === "" && genre === undefined) {
      const { titles } = await catalog.listTitles({ pageSize: 60, state: Title_State.PUBLISHED }, { signal });
      return { titles, facetCounts: [] };
    }
    const genres = genre === undefined ? [] : [genre];
    const { hits, facetCounts } = await catalog.searchTitles({ query, pageSize: 60, genres }, { signal });
    return { titles: hits.flatMap(({ title }) => (title === undefined ? [] : [title])), facetCounts };
  });
  const shown = useLast(result.data);
  const genres = (shown?.facetCounts ?? []).filter(({ facet }) => facet === "genre").map(({ value }) => value);
  const chips = genre !== undefined && !genres.includes(genre) ? [genre, ...genres] : genres;
  const titles = shown?.titles ?? [];

  return (
    <div className={page.page}>
      <h1>{typed === "" ? "Everything on Matinee" : `Films for “${typed}”`}</h1>
      {chips.length > 0 && (
        <fieldset className={styles.chips} aria-label="Genre">
          {chips.slice(0, 10).map((value) => (
            <button
              type="button"
              key={value}
              aria-pressed={genre === value}
              onClick={() => setGenre(genre === value ? undefined : value)}
            >
              {value}
            </button>
          ))}
        </fieldset>
      )}
      <p className="visually-hidden" role="status">
        {result.data === undefined ? "" : `${titles.length} films`}
      </p>
      {result.error !== undefined && <Failure error={result.error} onRetry={result.reload} />}
      {shown === undefined && result.error === undefined && (
        <>
          <Loading what="films" />
          <div className={page.grid}>
            {["a", "b", "c", "d", "e", "f", "g", "h"].map((id) => (
              <CardSkeleton key={id} />
            ))}
          </div>
        </>
      )}
      {shown !== undefined && titles.length === 0 && result.error === undefined && (
        <Notice icon="search" title={typed === "" ? "No films yet" : "No film found"}>
          <p>{typed === "" ? "The programme is being prepared." : "Try another word, or part of one."}</p>
        </Notice>
      )}
      <ul className={page.grid} data-testid="search-results" data-stale={result.data === undefined}>
        {titles.map((title) => (
          <li key={title.name}>
            <Card title={title} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The value, once it has not changed for a while. */
function usePause<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** The last answer stays while the next one is on its way, so that nothing flickers between letters. */
function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  if (value !== undefined && value !== last) setLast(value);
  return value ?? last;
}
