/** The home page: one film large, then the rows that were chosen for the profile. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import type { HomeItem } from "@matinee/sdk/gen/matinee/catalog/v1/home_pb";
import { toSeconds } from "@matinee/sdk/time";
import { useApp, useSession } from "../app-context.ts";
import { playOnClick, preloadPlayer } from "../player/code.ts";
import { useQuery } from "../query.ts";
import { LinkButton } from "../ui/button.tsx";
import { Card, CardSkeleton } from "../ui/card.tsx";
import { Failure, Notice } from "../ui/notice.tsx";
import { Row, RowItem } from "../ui/row.tsx";
import { Loading, Skeleton } from "../ui/skeleton.tsx";
import { Still } from "../ui/still.tsx";
import { useTitle } from "../use-title.ts";
import { titleHref, watchHref } from "../words.ts";
import { Facts } from "./facts.tsx";
import { FilmHeading } from "./film-heading.tsx";
import { useGenres } from "./genre.tsx";
import { GenreLinks } from "./genre-links.tsx";
import { pickHero } from "./hero.ts";
import styles from "./home.module.css";

/** The page of everything that a row shows the beginning of. */
const ALL: ReadonlyMap<string, string> = new Map([
  ["continue-watching", "/history"],
  ["my-list", "/list"],
  ["new", "/search"],
]);

export function HomePage() {
  useTitle(undefined);
  const { platform } = useApp();
  const session = useSession();
  const home = useQuery(["home"], (signal) => platform.client(CatalogService).getHome({}, { signal }));
  const rows = home.data?.rows ?? [];
  const hero = pickHero(rows.flatMap(({ items }) => items));

  if (home.data === undefined) {
    return home.error === undefined ? (
      <HomeSkeleton />
    ) : (
      <div className={styles.empty}>
        <Failure error={home.error} onRetry={home.reload} />
      </div>
    );
  }
  if (hero === undefined) {
    return (
      <div className={styles.empty}>
        <Notice level={1} title="The programme is being prepared">
          <p>There is no film to watch yet. Come back soon.</p>
          {session?.isOperator === true && (
            <LinkButton href="/studio" kind="primary" icon="upload">
              Upload the first one
            </LinkButton>
          )}
        </Notice>
      </div>
    );
  }
  return (
    <>
      <Hero item={hero} />
      <div className={styles.rows}>
        {rows.map((row) => (
          <Row key={row.id} id={row.id} title={row.displayTitle} all={ALL.get(row.id)}>
            {row.items.map((item) =>
              item.title === undefined ? null : (
                <RowItem key={item.title.name}>
                  <Card title={item.title} resumeSeconds={toSeconds(item.resumePosition)} />
                </RowItem>
              ),
            )}
          </Row>
        ))}
        <Genres />
      </div>
    </>
  );
}

function Genres() {
  const genres = useGenres();
  if (genres.length === 0) return null;
  return (
    <section className={styles.genres} aria-labelledby="genres">
      <h2 id="genres">Genres</h2>
      <GenreLinks genres={genres} />
    </section>
  );
}

function Hero({ item }: { readonly item: HomeItem }) {
  const { platform } = useApp();
  const { title } = item;
  if (title === undefined) return null;
  const resumes = toSeconds(item.resumePosition) > 0;
  return (
    <section className={styles.hero} aria-label="Featured" data-testid="hero">
      <div className={styles.picture}>
        <Still title={title} sizes="100vw" isHero />
      </div>
      <div className={styles.words}>
        <FilmHeading title={title} />
        <Facts title={title} />
        <p className={styles.synopsis} dir="auto">
          {title.synopsis}
        </p>
        <div className={styles.actions}>
          <LinkButton
            href={watchHref(title)}
            kind="primary"
            icon="play"
            data-testid="hero-play"
            onPointerEnter={() => preloadPlayer(platform)}
            onFocus={() => preloadPlayer(platform)}
            {...playOnClick(platform, title.name)}
          >
            {resumes ? "Resume" : "Play"}
          </LinkButton>
          <LinkButton href={titleHref(title)} data-testid="hero-details">
            Details
          </LinkButton>
        </div>
      </div>
    </section>
  );
}

function HomeSkeleton() {
  return (
    <>
      <Loading what="films" />
      <div className={styles.hero}>
        <div className={styles.words}>
          <Skeleton width="min(24rem, 80vw)" height="3.4rem" />
          <Skeleton width="14rem" />
          <Skeleton width="min(34rem, 80vw)" />
          <Skeleton width="min(30rem, 70vw)" />
          <div className={styles.actions}>
            <Skeleton width="8rem" height="2.75rem" />
            <Skeleton width="7rem" height="2.75rem" />
          </div>
        </div>
      </div>
      <div className={styles.rows}>
        <Row id="loading" title={<Skeleton width="11rem" height="1.3rem" />}>
          {["a", "b", "c", "d", "e", "f"].map((key) => (
            <RowItem key={key}>
              <CardSkeleton />
            </RowItem>
          ))}
        </Row>
      </div>
    </>
  );
}
