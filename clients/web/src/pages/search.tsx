/** Search as one types: films by name, people, words of the story; also misspelt. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import { usePages } from "../pages.ts";
import { type Film, FilmGrid } from "../ui/film-grid.tsx";
import { Notice } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import { counted } from "../words.ts";
import { useGenres } from "./genre.tsx";
import page from "./page.module.css";
import styles from "./search.module.css";

/** Long enough not to ask for every letter of a fast hand. */
const PAUSE_MS = 140;
const PAGE_SIZE = 60;

export function SearchPage() {
  const params = new URLSearchParams(useSearch());
  const typed = (params.get("q") ?? "").trim();
  const query = usePause(typed, PAUSE_MS);
  const [genre, setGenre] = useState<string>();
  useTitle(typed === "" ? "Search" : typed);
  const { platform } = useApp();
  const queries = useQueryClient();
  const pages = usePages<Film>(["search", query, genre ?? ""], async (pageToken, signal) => {
    const catalog = platform.client(CatalogService);
    if (query === "" && genre === undefined) {
      const request = { pageSize: PAGE_SIZE, pageToken, state: Title_State.PUBLISHED };
      const { titles, nextPageToken } = await catalog.listTitles(request, { signal });
      return { items: titles.map((title) => ({ title })), nextPageToken };
    }
    const genres = genre === undefined ? [] : [genre];
    const request = { query, pageSize: PAGE_SIZE, pageToken, genres };
    const { hits, nextPageToken, facetCounts } = await catalog.searchTitles(request, { signal });
    const found = facetCounts.filter(({ facet }) => facet === "genre").map(({ value }) => value);
    // Counted over all matches, on the first page alone.
    if (pageToken === "") queries.setQueryData(["genres-of", query], found);
    return { items: hits.flatMap(({ title }) => (title === undefined ? [] : [{ title }])), nextPageToken };
  });
  const shown = useLast(pages.items);
  const everyGenre = useGenres();
  const ofQuery = queries.getQueryData<readonly string[]>(["genres-of", query]);
  const lastGenres = useLast(ofQuery);
  const genres = query === "" ? everyGenre : (lastGenres ?? []);
  const chips = genre !== undefined && !genres.includes(genre) ? [genre, ...genres] : genres;

  return (
    <div className={page.page}>
      <h1 dir="auto">{typed === "" ? "Everything on Matinee" : `Films for “${typed}”`}</h1>
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
        {pages.items === undefined ? "" : `${counted(pages.items.length, "film")}${pages.hasMore ? ", and more" : ""}`}
      </p>
      {pages.items?.length === 0 && pages.error === undefined && (
        <Notice icon="search" title={typed === "" ? "No films yet" : "No film found"}>
          <p>{typed === "" ? "The programme is being prepared." : "Try another word, or part of one."}</p>
        </Notice>
      )}
      <FilmGrid
        pages={{ ...pages, items: pages.items ?? shown }}
        isStale={pages.items === undefined}
        testId="search-results"
      />
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
