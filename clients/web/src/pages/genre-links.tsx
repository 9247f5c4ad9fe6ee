/** Ways to the pages of genres. */

import { Link } from "wouter";
import { genreHref } from "../words.ts";
import styles from "./genre-links.module.css";

const MAX_GENRES = 14;

export function GenreLinks({ genres, current }: { readonly genres: readonly string[]; readonly current?: string }) {
  if (genres.length === 0) return null;
  return (
    <nav aria-label="Genres" className={styles.genres} data-testid="genres">
      {genres.slice(0, MAX_GENRES).map((genre) => (
        <Link key={genre} href={genreHref(genre)} aria-current={genre === current ? "page" : undefined} dir="auto">
          {genre}
        </Link>
      ))}
    </nav>
  );
}
