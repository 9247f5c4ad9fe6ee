/** A still from the film, or its name on a plain ground until there is one. */

import { type Artwork, Artwork_Kind, type Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
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
  const stills = title.artworks.filter(({ kind, uri }) => kind === Artwork_Kind.STILL && uri !== "");
  const best = stills[0];
  if (best === undefined || broken) {
    return (
      <span className={styles.plain} aria-hidden="true">
        {!isHero && <span dir="auto">{title.displayTitle}</span>}
      </span>
    );
  }
  return (
    <img
      className={styles.image}
      src={best.uri}
      srcSet={sourcesOf(best)}
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

/** Every size of the picture, for the browser to choose by the width that it is shown in. */
function sourcesOf({ uri, width, sizes }: Artwork): string | undefined {
  if (sizes.length === 0) return undefined;
  return [{ uri, width }, ...sizes].map((size) => `${size.uri} ${size.width}w`).join(", ");
}
