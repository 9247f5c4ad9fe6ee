/** Whether a title is in the catalogue. */

import { type Title, Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import styles from "./studio.module.css";

export function TitleState({ title }: { readonly title: Title }) {
  const isPublished = title.state === Title_State.PUBLISHED;
  const text = isPublished ? "Published" : title.state === Title_State.UNPUBLISHED ? "Unpublished" : "Draft";
  return (
    <span className={styles.state} data-tone={isPublished ? "good" : undefined} data-testid="title-state">
      {text}
    </span>
  );
}
