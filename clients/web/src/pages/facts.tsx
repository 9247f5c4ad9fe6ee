/** Year, length, age and picture of a film in one line. */

import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { toSeconds } from "@matinee/sdk/time";
import { runtime } from "../words.ts";
import styles from "./facts.module.css";

export function Facts({ title }: { readonly title: Title }) {
  const seconds = toSeconds(title.media?.duration);
  const height = title.media?.maxHeight ?? 0;
  return (
    <ul className={styles.facts} aria-label="About this film">
      {title.releaseYear > 0 && <li>{title.releaseYear}</li>}
      {seconds > 0 && <li>{runtime(seconds)}</li>}
      <li className={styles.boxed} title={title.minimumAge > 0 ? `From ${title.minimumAge} years` : "For all ages"}>
        {title.minimumAge > 0 ? `${title.minimumAge}+` : "All"}
      </li>
      {height >= 720 && <li className={styles.boxed}>{height >= 2160 ? "UHD" : "HD"}</li>}
      {(title.media?.textLanguages.length ?? 0) > 0 && (
        <li className={styles.boxed} title="Has captions">
          CC
        </li>
      )}
      {title.genres.length > 0 && <li className={styles.genres}>{title.genres.slice(0, 3).join(", ")}</li>}
    </ul>
  );
}
