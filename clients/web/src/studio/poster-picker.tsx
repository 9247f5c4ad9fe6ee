/** Which picture of the film stands for the title. */

import type { Artwork } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import styles from "./pickers.module.css";

export function PosterPicker({
  artworks,
  poster,
  onChoose,
}: {
  readonly artworks: readonly Artwork[];
  /** Path of the chosen one, or empty. */
  readonly poster: string;
  readonly onChoose: (path: string) => void;
}) {
  const chosen = artworks.find(({ uri }) => fileOf(uri) === fileOf(poster)) ?? artworks[0];
  // A picture keeps its place, also when it was chosen: by its file's name, which never changes.
  const inPlace = artworks.toSorted((a, b) => (fileOf(a.uri) < fileOf(b.uri) ? -1 : 1));
  return (
    <fieldset className={styles.box} data-testid="poster-picker">
      <legend>Picture</legend>
      {artworks.length === 0 ? (
        <p>Pictures are taken from the film while it is transcoded.</p>
      ) : (
        <div className={styles.posters}>
          {inPlace.map((artwork, index) => (
            <label key={artwork.uri} className={styles.poster}>
              <input
                type="radio"
                name="poster"
                checked={artwork === chosen}
                aria-label={`Picture ${index + 1} of ${artworks.length}`}
                onChange={() => onChoose(artwork.uri)}
              />
              <img src={artwork.uri} alt="" loading="lazy" width={artwork.width || 16} height={artwork.height || 9} />
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}

function fileOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
