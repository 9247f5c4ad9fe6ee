/** All films of a genre. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { useApp } from "../app-context.ts";
import { usePages } from "../pages.ts";
import { useQuery } from "../query.ts";
import { type Film, FilmGrid } from "../ui/film-grid.tsx";
import { Notice } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import { GenreLinks } from "./genre-links.tsx";
import page from "./page.module.css";

const PAGE_SIZE = 48;

export function GenrePage({ genre }: { readonly genre: string }) {
  useTitle(genre);
  const { platform } = useApp();
  const pages = usePages<Film>(["genre", genre], async (pageToken, signal) => {
    const { hits, nextPageToken } = await platform
      .client(CatalogService)
      .searchTitles({ query: "", genres: [genre], pageSize: PAGE_SIZE, pageToken }, { signal });
    return { items: hits.flatMap(({ title }) => (title === undefined ? [] : [{ title }])), nextPageToken };
  });
  return (
    <div className={page.page}>
      <h1 className={page.genre} dir="auto">
        {genre}
      </h1>
      <GenreLinks genres={useGenres()} current={genre} />
      {pages.items?.length === 0 && <Notice title="No films of this genre" />}
      <FilmGrid pages={pages} testId="genre-films" />
    </div>
  );
}

/** The genres that have films, those with most first. */
export function useGenres(): readonly string[] {
  const { platform } = useApp();
  const query = useQuery(["genres"], async (signal) => {
    const { facetCounts } = await platform.client(CatalogService).searchTitles({ query: "", pageSize: 1 }, { signal });
    return facetCounts
      .filter(({ facet }) => facet === "genre")
      .toSorted((a, b) => b.count - a.count)
      .map(({ value }) => value);
  });
  return query.data ?? [];
}
