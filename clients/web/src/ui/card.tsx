/** A film as a picture with its name, and how far the viewer is in it. */

import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { toSeconds } from "@matinee/sdk/time";
import { Link } from "wouter";
import { minutesLeft, titleHref } from "../words.ts";
import styles from "./card.module.css";
import { Skeleton } from "./skeleton.tsx";
import { Still } from "./still.tsx";

export function Card({ title, resumeSeconds = 0 }: { readonly title: Title; readonly resumeSeconds?: number }) {
  const length = toSeconds(title.media?.duration);
  const share = length > 0 ? Math.min(1, resumeSeconds / length) : 0;
  return (
    <Link href={titleHref(title)} className={styles.card} data-testid="title-card">
      <span className={styles.picture}>
        <Still title={title} sizes="(max-width: 40rem) 50vw, 18.5rem" />
        {share > 0 && (
          <span className={styles.track}>
            <span className={styles.done} style={{ width: `${share * 100}%` }} />
          </span>
        )}
      </span>
      <span className={styles.name} dir="auto">
        {title.displayTitle}
      </span>
      <span className={styles.note}>
        {share > 0
          ? minutesLeft(length - resumeSeconds)
          : [title.releaseYear || undefined, title.genres[0]].filter(Boolean).join(" · ")}
      </span>
    </Link>
  );
}

export function CardSkeleton() {
  return (
    <span className={styles.card}>
      <span className={styles.picture}>
        <Skeleton height="100%" />
      </span>
      <Skeleton width="70%" height="1.1rem" />
    </span>
  );
}
