/** Films in lines, page after page: the next one comes when the end is near, or by its button. */

import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { useEffect, useRef } from "react";
import page from "../pages/page.module.css";
import type { Pages } from "../pages.ts";
import { Button } from "./button.tsx";
import { Card, CardSkeleton } from "./card.tsx";
import { Failure } from "./notice.tsx";
import { useRoving } from "./roving.ts";
import { Loading } from "./skeleton.tsx";

/** So far below the screen the end is near, in CSS pixels. */
const NEAR = "800px";

export interface Film {
  readonly title: Title;
  readonly resumeSeconds?: number;
}

export function FilmGrid({
  pages,
  isStale = false,
  testId,
}: {
  readonly pages: Pages<Film>;
  /** What is shown answers an earlier question. */
  readonly isStale?: boolean;
  readonly testId: string;
}) {
  const list = useRef<HTMLUListElement>(null);
  const end = useRef<HTMLDivElement>(null);
  useRoving(list);
  const { items, error, hasMore, isLoadingMore, more, reload } = pages;
  const latest = useRef(more);
  latest.current = more;
  const canLoad = hasMore && !isLoadingMore && error === undefined;
  useEffect(() => {
    const element = end.current;
    if (element === null || !canLoad) return;
    const near = new IntersectionObserver(([entry]) => entry?.isIntersecting === true && latest.current(), {
      rootMargin: NEAR,
    });
    near.observe(element);
    return () => near.disconnect();
  }, [canLoad]);
  return (
    <>
      {items === undefined && error === undefined && (
        <>
          <Loading what="films" />
          <div className={page.grid}>
            {["a", "b", "c", "d", "e", "f", "g", "h"].map((id) => (
              <CardSkeleton key={id} />
            ))}
          </div>
        </>
      )}
      <ul ref={list} className={page.grid} data-shelf data-testid={testId} data-stale={isStale}>
        {items?.map(({ title, resumeSeconds }) => (
          <li key={title.name}>
            <Card title={title} resumeSeconds={resumeSeconds ?? 0} />
          </li>
        ))}
      </ul>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      <div ref={end} className={page.more}>
        {hasMore && error === undefined && (
          <Button isBusy={isLoadingMore} onClick={more} data-testid="more">
            {isLoadingMore ? "Loading more" : "Show more"}
          </Button>
        )}
      </div>
    </>
  );
}
