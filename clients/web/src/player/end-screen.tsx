/** What follows a film: it again, its page, or another one like it. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { useEffect, useRef } from "react";
import { useApp } from "../app-context.ts";
import { useQuery } from "../query.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { useRoving } from "../ui/roving.ts";
import styles from "./end-screen.module.css";

const MAX_OTHERS = 4;

export function EndScreen({
  name,
  title,
  displayTitle,
  home,
  onAgain,
}: {
  readonly name: string;
  /** Undefined until it is known; the screen does without. */
  readonly title: Title | undefined;
  readonly displayTitle: string;
  readonly home: string;
  readonly onAgain: () => void;
}) {
  const { platform } = useApp();
  const genres = title?.genres ?? [];
  const others = useQuery(["like", name, genres], async (signal) => {
    const found = await platform
      .client(CatalogService)
      .searchTitles({ query: "", genres: [...genres], pageSize: MAX_OTHERS + 1 }, { signal });
    return found.hits
      .flatMap((hit) => (hit.title === undefined || hit.title.name === name ? [] : [hit.title]))
      .slice(0, MAX_OTHERS);
  });
  const heading = useRef<HTMLHeadingElement>(null);
  const shelf = useRef<HTMLUListElement>(null);
  useRoving(shelf);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className={styles.end} aria-label="The film is over" data-testid="end-screen">
      <h2 ref={heading} tabIndex={-1} dir="auto">
        {displayTitle}
      </h2>
      <div className={styles.actions}>
        <Button kind="primary" icon="retry" onClick={onAgain} data-testid="watch-again">
          Watch again
        </Button>
        <LinkButton href={home}>Back to the film</LinkButton>
        <LinkButton href="/" kind="quiet">
          Home
        </LinkButton>
      </div>
      {(others.data?.length ?? 0) > 0 && <h3>More like this</h3>}
      <ul ref={shelf} className={styles.others} data-shelf>
        {others.data?.map((other) => (
          <li key={other.name}>
            <Card title={other} />
          </li>
        ))}
      </ul>
    </section>
  );
}
