/** The profile's own lists: what it keeps for later, and what it has watched. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { ProfileService } from "@matinee/sdk/gen/matinee/profile/v1/profile_service_pb";
import type { Platform } from "@matinee/sdk/platform";
import { toSeconds } from "@matinee/sdk/time";
import { useApp } from "../app-context.ts";
import { type Pages, usePages } from "../pages.ts";
import { LinkButton } from "../ui/button.tsx";
import { type Film, FilmGrid } from "../ui/film-grid.tsx";
import { Notice } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import page from "./page.module.css";

const PAGE_SIZE = 48;

export function MyListPage() {
  useTitle("My list");
  const { platform } = useApp();
  const pages = usePages<Film>(["list"], async (pageToken, signal) => {
    const profile = platform.client(ProfileService);
    const { items, nextPageToken } = await profile.listListItems({ pageSize: PAGE_SIZE, pageToken }, { signal });
    const titles = await titlesOf(
      platform,
      items.map(({ title }) => title),
      signal,
    );
    return { items: titles.map((title) => ({ title })), nextPageToken };
  });
  return (
    <OwnList pages={pages} heading="My list" empty="Nothing on your list" testId="my-list-films">
      A film that you want to see later is put here with “My list” on its page.
    </OwnList>
  );
}

export function HistoryPage() {
  useTitle("Watched");
  const { platform } = useApp();
  const pages = usePages<Film>(["history"], async (pageToken, signal) => {
    const profile = platform.client(ProfileService);
    const answer = await profile.listResumePoints({ pageSize: PAGE_SIZE, pageToken }, { signal });
    const points = new Map(answer.resumePoints.map((point) => [point.title, point]));
    const titles = await titlesOf(platform, [...points.keys()], signal);
    const items = titles.map((title) => {
      const point = points.get(title.name);
      return { title, resumeSeconds: point?.isFinished === false ? toSeconds(point.position) : 0 };
    });
    return { items, nextPageToken: answer.nextPageToken };
  });
  return (
    <OwnList pages={pages} heading="Watched" empty="Nothing watched yet" testId="history-films">
      Every film that you begin is found here again.
    </OwnList>
  );
}

function OwnList({
  pages,
  heading,
  empty,
  testId,
  children,
}: {
  readonly pages: Pages<Film>;
  readonly heading: string;
  readonly empty: string;
  readonly testId: string;
  readonly children: string;
}) {
  return (
    <div className={page.page}>
      <h1>{heading}</h1>
      {pages.items?.length === 0 && !pages.hasMore && (
        <Notice title={empty}>
          <p>{children}</p>
          <LinkButton href="/search" kind="primary">
            See all films
          </LinkButton>
        </Notice>
      )}
      <FilmGrid pages={pages} testId={testId} />
    </div>
  );
}

/** In this order; what has left the catalogue is left out. */
async function titlesOf(platform: Platform, names: readonly string[], signal: AbortSignal): Promise<readonly Title[]> {
  if (names.length === 0) return [];
  const { titles } = await platform.client(CatalogService).batchGetTitles({ names: [...names] }, { signal });
  return titles;
}
