/** A still from the film, or its name on a plain ground until there is one. */

import { Artwork_Kind, type Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { useState } from "react";
import styles from "./still.module.css";

export function Still({
  title,
  sizes,
  isHero = false,
}: {
  readonly title: Title;
  readonly sizes: string;
  /** The page's large picture: it comes first, and the name stands beside it anyway. */
  readonly isHero?: boolean;
}) {
  const [broken, setBroken] = useState(false);
  const stills = title.artworks.filter(({ kind, path }) => kind === Artwork_Kind.STILL && path !== "");
  const best = stills[0];
  if (best === undefined || broken) {
    return (
      <span className={styles.plain} aria-hidden="true">
        {!isHero && <span>{title.displayTitle}</span>}
      </span>
    );
  }
  return (
    <img
      className={styles.image}
      src={best.path}
      sizes={sizes}
      alt=""
      width={best.width || 1280}
      height={best.height || 720}
      loading={isHero ? "eager" : "lazy"}
      fetchPriority={isHero ? "high" : "auto"}
      decoding="async"
      onError={() => setBroken(true)}
    />
  );
}
