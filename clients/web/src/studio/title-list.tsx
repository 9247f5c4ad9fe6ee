/** Every title, also those whose film is still missing. */

import { type Title, Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { toDate } from "@matinee/sdk/time";
import { Link } from "wouter";
import { LinkButton } from "../ui/button.tsx";
import { ago, idOf } from "../words.ts";
import styles from "./studio.module.css";

export function TitleList({ titles }: { readonly titles: readonly Title[] }) {
  return (
    <section className={styles.section} aria-labelledby="titles-heading">
      <div className={styles.head}>
        <h2 id="titles-heading">Titles</h2>
        <div className={styles.actions}>
          <LinkButton href="/studio/title/new" icon="plus">
            New title
          </LinkButton>
        </div>
      </div>
      {titles.length === 0 ? (
        <p className={styles.facts}>No titles yet. A film becomes one with “Add title details”.</p>
      ) : (
        <table className={styles.titles} data-testid="titles">
          <thead>
            <tr>
              <th scope="col">Title</th>
              <th scope="col">State</th>
              <th scope="col" className={styles.narrow}>
                Film
              </th>
              <th scope="col" className={styles.narrow}>
                Views
              </th>
              <th scope="col" className={styles.narrow}>
                Changed
              </th>
            </tr>
          </thead>
          <tbody>
            {titles.map((title) => (
              <tr key={title.name}>
                <td>
                  <Link href={`/studio/title/${idOf(title.name)}`}>{title.displayTitle}</Link>
                </td>
                <td>
                  <TitleState title={title} />
                </td>
                <td className={styles.narrow}>{filmText(title)}</td>
                <td className={styles.narrow}>{String(title.viewCount)}</td>
                <td className={styles.narrow}>{ago(toDate(title.updateTime), Date.now())}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

export function TitleState({ title }: { readonly title: Title }) {
  const isPublished = title.state === Title_State.PUBLISHED;
  const text = isPublished ? "Published" : title.state === Title_State.UNPUBLISHED ? "Unpublished" : "Draft";
  return (
    <span className={styles.state} data-tone={isPublished ? "good" : undefined} data-testid="title-state">
      {text}
    </span>
  );
}

function filmText(title: Title): string {
  if (title.media?.isComplete === true) return `${title.media.maxHeight}p`;
  if (title.media?.isPlayable === true) return `${title.media.maxHeight}p, more to come`;
  return title.asset === "" ? "None" : "In the works";
}
