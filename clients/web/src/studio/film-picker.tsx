/** Which film a title plays: shown with what is known of it, chosen from those that have no title. */

import { nowMs } from "@matinee/sdk/clock";
import type { Film } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { FilmService, ListFilmsRequest_Group as Group } from "@matinee/sdk/gen/matinee/catalog/v1/film_service_pb";
import { toDate, toSeconds } from "@matinee/sdk/time";
import { useId, useRef, useState } from "react";
import { useApp } from "../app-context.ts";
import { useQuery } from "../query.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { sentence } from "../ui/notice.tsx";
import { smallestOf } from "../ui/still.tsx";
import { ago, clock } from "../words.ts";
import styles from "./pickers.module.css";

const SHOWN = 12;

export function FilmPicker({
  asset,
  film,
  fault,
  onChoose,
}: {
  /** `assets/{uuid}` or empty. */
  readonly asset: string;
  /** What is known of it; undefined while it is asked for, or where nothing is. */
  readonly film: Film | undefined;
  readonly fault: string | undefined;
  readonly onChoose: (asset: string) => void;
}) {
  const [isChoosing, setChoosing] = useState(false);
  const opener = useRef<HTMLDivElement>(null);
  const done = (chosen: string | undefined) => {
    setChoosing(false);
    if (chosen !== undefined) onChoose(chosen);
    // The list that had the focus is gone.
    requestAnimationFrame(() => opener.current?.querySelector("button")?.focus());
  };
  return (
    <fieldset className={styles.box} data-testid="film-picker">
      <legend>Film</legend>
      <div ref={opener} className={styles.chosen}>
        {asset === "" ? <p>No film yet. A title can be published once it has one.</p> : <Chosen film={film} />}
        <div className={styles.actions}>
          {!isChoosing && (
            <Button onClick={() => setChoosing(true)} data-testid="choose-film" aria-invalid={fault !== undefined}>
              {asset === "" ? "Choose a film" : "Choose another"}
            </Button>
          )}
          {asset !== "" && !isChoosing && (
            <Button kind="quiet" onClick={() => onChoose("")}>
              Take it off
            </Button>
          )}
        </div>
      </div>
      {fault !== undefined && <p className={styles.fault}>{fault}</p>}
      {isChoosing && <Choices onDone={done} />}
    </fieldset>
  );
}

function Chosen({ film }: { readonly film: Film | undefined }) {
  if (film?.asset === undefined) return <p>A film that the studio knows nothing of yet.</p>;
  return <FilmLine film={film} />;
}

function FilmLine({ film }: { readonly film: Film }) {
  const seconds = toSeconds(film.asset?.media?.duration);
  const picture = smallestOf(film.artworks[0]);
  return (
    <span className={styles.line}>
      <span className={styles.thumb}>
        {picture === undefined ? <Icon name="film" /> : <img src={picture} alt="" loading="lazy" />}
      </span>
      <span>
        <strong dir="auto">{film.asset?.fileName}</strong>
        <span className={styles.note}>
          {[
            seconds > 0 ? clock(seconds) : "",
            film.isPlayable ? "" : "not playable yet",
            `handed in ${ago(toDate(film.createTime), nowMs())}`,
          ]
            .filter((part) => part !== "")
            .join(" · ")}
        </span>
      </span>
    </span>
  );
}

function Choices({ onDone }: { readonly onDone: (asset: string | undefined) => void }) {
  const { platform } = useApp();
  const id = useId();
  const [text, setText] = useState("");
  const query = text.trim();
  const found = useQuery(["films-to-title", query], async (signal) => {
    const request = { group: Group.UNTITLED, query, pageSize: SHOWN };
    return platform.client(FilmService).listFilms(request, { signal });
  });
  const films = found.data?.films ?? [];
  return (
    <div className={styles.choices}>
      <label htmlFor={id}>Search films without a title</label>
      <input
        id={id}
        type="search"
        className={styles.search}
        maxLength={200}
        value={text}
        // biome-ignore lint/a11y/noAutofocus: the person asked for it with the button that this takes the place of
        autoFocus
        data-testid="search-untitled"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          // Enter would send the form.
          if (event.key === "Enter") event.preventDefault();
          if (event.key === "Escape") onDone(undefined);
        }}
      />
      <p role="status" className={styles.note}>
        {found.error !== undefined && sentence(found.error.message)}
        {found.data !== undefined && films.length === 0 && "No film without a title has that name."}
        {found.data?.nextPageToken ? `The newest ${SHOWN}; type to find others.` : ""}
      </p>
      <ul className={styles.list}>
        {films.map((film) => (
          <li key={film.name}>
            <button
              type="button"
              className={styles.choice}
              data-testid="untitled-film"
              onClick={() => onDone(film.asset?.name)}
            >
              <FilmLine film={film} />
            </button>
          </li>
        ))}
      </ul>
      <Button kind="quiet" onClick={() => onDone(undefined)}>
        Leave it as it is
      </Button>
    </div>
  );
}
