/** The name of a film over its picture. A long one is smaller and ends after three lines, so that Play stays in sight. */

import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import styles from "./film-heading.module.css";

/** In letters; three lines of a phone hold about as many. */
const LONG_NAME = 48;

export function FilmHeading({ title: { displayTitle } }: { readonly title: Title }) {
  const isLong = displayTitle.length > LONG_NAME;
  return (
    <h1 className={styles.name} data-long={isLong} title={isLong ? displayTitle : undefined} dir="auto">
      {displayTitle}
    </h1>
  );
}
