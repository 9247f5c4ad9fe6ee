/** A still from the film, or its name on a plain ground until there is one. */

import {
  type Artwork,
  Artwork_Kind,
  type Artwork_Size,
  type Title,
} from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
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
    <picture className={styles.picture}>
      {best.encodings.map((encoding) => (
        <source key={encoding.mediaType} type={encoding.mediaType} srcSet={sourcesOf(encoding.sizes)} sizes={sizes} />
      ))}
      <img
        className={styles.image}
        src={best.uri}
        srcSet={best.sizes.length === 0 ? undefined : sourcesOf([best, ...best.sizes])}
        sizes={sizes}
        alt=""
        width={best.width || 1280}
        height={best.height || 720}
        loading={isHero ? "eager" : "lazy"}
        fetchPriority={isHero ? "high" : "auto"}
        decoding="async"
        onError={() => setBroken(true)}
      />
    </picture>
  );
}

/** The address of a picture's smallest size, for where it is always small. */
export function smallestOf(artwork: Artwork | undefined): string | undefined {
  return artwork?.sizes.at(-1)?.uri ?? artwork?.uri;
}

/** For the browser to choose by the width that the picture is shown in. */
function sourcesOf(sizes: readonly Pick<Artwork_Size, "uri" | "width">[]): string {
  return sizes.map(({ uri, width }) => `${uri} ${width}w`).join(", ");
}
