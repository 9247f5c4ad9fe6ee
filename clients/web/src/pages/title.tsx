/** One film: what it is, who is in it, whether and until when it may be watched. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import type { Credit, Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { ProfileService } from "@matinee/sdk/gen/matinee/profile/v1/profile_service_pb";
import { toDate, toSeconds } from "@matinee/sdk/time";
import { useQueryClient } from "@tanstack/react-query";
import { Fragment } from "react";
import { Link } from "wouter";
import { useApp, useSession } from "../app-context.ts";
import { playOnClick, usePlayerSoon } from "../player/code.ts";
import { lastPosition } from "../player/last-position.ts";
import { useQuery } from "../query.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Failure, Notice, sentence } from "../ui/notice.tsx";
import { Loading, Skeleton } from "../ui/skeleton.tsx";
import { Still } from "../ui/still.tsx";
import { useTitle } from "../use-title.ts";
import { day, genreHref, idOf, languageName, minutesLeft, watchHref } from "../words.ts";
import { Facts } from "./facts.tsx";
import { FilmHeading } from "./film-heading.tsx";
import styles from "./title.module.css";

/** Left this close to its end, a film begins anew. */
const END_SECONDS = 5;

export function TitlePage({ name }: { readonly name: string }) {
  const { platform } = useApp();
  const session = useSession();
  const query = useQuery(["title", name], async (signal) => {
    const [{ title }, { resumePoints }] = await Promise.all([
      platform.client(CatalogService).getTitle({ name }, { signal }),
      // Where the viewer stopped is nice to know; the page does without.
      platform
        .client(ProfileService)
        .listResumePoints({ title: name }, { signal })
        .catch(() => ({ resumePoints: [] })),
    ]);
    return { title, resume: resumePoints[0] };
  });
  useTitle(query.data?.title?.displayTitle);
  usePlayerSoon(query.data?.title?.availability?.isAvailable === true);

  if (query.data?.title === undefined) {
    if (query.error === undefined) return <TitleSkeleton />;
    const gone = query.error.reason === "TITLE_NOT_FOUND" || query.error.reason === "VALIDATION_FAILED";
    return (
      <div className={styles.failure}>
        {gone ? (
          <Notice level={1} title="This film is not here">
            <p>It may have left the programme.</p>
            <LinkButton href="/" kind="primary">
              See what is on
            </LinkButton>
          </Notice>
        ) : (
          <Failure error={query.error} onRetry={query.reload} />
        )}
      </div>
    );
  }
  const { title, resume } = query.data;
  const length = toSeconds(title.media?.duration);
  const stoppedSeconds = resume === undefined || resume.isFinished ? 0 : toSeconds(resume.position);
  const leftSeconds = lastPosition(name, session?.account ?? "");
  const resumeSeconds =
    leftSeconds === undefined ? stoppedSeconds : leftSeconds < length - END_SECONDS ? leftSeconds : 0;
  return (
    <article className={styles.title} data-testid="title-page">
      <div className={styles.picture}>
        <Still title={title} sizes="100vw" isHero />
      </div>
      <div className={styles.words}>
        <FilmHeading title={title} />
        <Facts title={title} />
        {resumeSeconds > 0 && length > 0 && title.availability?.isAvailable !== false && (
          <p className={styles.resume}>
            <progress value={resumeSeconds} max={length} aria-label="Watched" />
            {minutesLeft(length - resumeSeconds)}
          </p>
        )}
        <div className={styles.actions}>
          {title.availability?.isAvailable !== false && (
            <LinkButton
              href={watchHref(title)}
              kind="primary"
              icon="play"
              data-testid="play"
              {...playOnClick(platform, name)}
            >
              {resumeSeconds > 0 ? "Resume" : "Play"}
            </LinkButton>
          )}
          <ListButton name={name} />
          {session?.isOperator === true && (
            <LinkButton href={`/studio/title/${idOf(name)}`} kind="quiet">
              Edit in the studio
            </LinkButton>
          )}
        </div>
        <AvailabilityNote title={title} />
        <p className={styles.synopsis} dir="auto">
          {title.synopsis}
        </p>
        <About title={title} />
      </div>
    </article>
  );
}

function AvailabilityNote({ title }: { readonly title: Title }) {
  const { availability } = title;
  if (availability === undefined) return null;
  if (!availability.isAvailable) {
    const start = toDate(availability.startTime);
    return (
      <p className={styles.unavailable} role="note" data-testid="availability" data-reason={availability.reason}>
        <Icon name="warning" />
        <span>
          {sentence(availability.message || "This film cannot be watched at the moment")}
          {start !== undefined && ` It begins on ${day(start)}.`}
        </span>
      </p>
    );
  }
  const end = toDate(availability.endTime);
  return end === undefined ? null : <p className={styles.until}>Here until {day(end)}.</p>;
}

function ListButton({ name }: { readonly name: string }) {
  const { platform } = useApp();
  const queries = useQueryClient();
  const client = platform.client(ProfileService);
  const list = useQuery(["my-list"], async (signal) => {
    const { items } = await client.listListItems({ pageSize: 200 }, { signal });
    return items.map(({ title }) => title);
  });
  if (list.data === undefined) return null;
  const isListed = list.data.includes(name);
  const toggle = async () => {
    const before = list.data ?? [];
    list.set(isListed ? before.filter((item) => item !== name) : [name, ...before]);
    try {
      if (isListed) await client.removeListItem({ title: name });
      else await client.addListItem({ title: name });
      for (const key of ["home", "list"]) void queries.invalidateQueries({ queryKey: [key], refetchType: "none" });
    } catch {
      // The button shows again what is true.
      list.set(before);
    }
  };
  return (
    <Button
      icon={isListed ? "check" : "plus"}
      aria-pressed={isListed}
      data-testid="my-list"
      onClick={() => void toggle()}
    >
      My list
    </Button>
  );
}

function About({ title }: { readonly title: Title }) {
  const cast = title.credits.filter(({ role }) => role === "cast");
  const crew = new Map<string, Credit[]>();
  for (const credit of title.credits) {
    if (credit.role !== "cast") crew.set(credit.role, [...(crew.get(credit.role) ?? []), credit]);
  }
  const sound = (title.media?.audioLanguages ?? []).map(languageName).join(", ");
  const captions = (title.media?.textLanguages ?? []).map(languageName).join(", ");
  return (
    <dl className={styles.about}>
      {cast.length > 0 && (
        <div>
          <dt>With</dt>
          <dd>
            {cast.map(({ displayName, character }) => (
              <span key={displayName + character} className={styles.person} dir="auto">
                {displayName}
                {character !== "" && <small> {character}</small>}
              </span>
            ))}
          </dd>
        </div>
      )}
      {[...crew].map(([role, people]) => (
        <div key={role}>
          <dt>{role}</dt>
          <dd dir="auto">{people.map(({ displayName }) => displayName).join(", ")}</dd>
        </div>
      ))}
      {title.genres.length > 0 && (
        <div>
          <dt>Genres</dt>
          <dd>
            {title.genres.map((genre, index) => (
              <Fragment key={genre}>
                {index > 0 && ", "}
                <Link href={genreHref(genre)} dir="auto">
                  {genre}
                </Link>
              </Fragment>
            ))}
          </dd>
        </div>
      )}
      {sound !== "" && (
        <div>
          <dt>Sound</dt>
          <dd>{sound}</dd>
        </div>
      )}
      {captions !== "" && (
        <div>
          <dt>Captions</dt>
          <dd>{captions}</dd>
        </div>
      )}
    </dl>
  );
}

function TitleSkeleton() {
  return (
    <div className={styles.title}>
      <Loading what="the film" />
      <div className={styles.words}>
        <Skeleton width="min(26rem, 80vw)" height="3.4rem" />
        <Skeleton width="14rem" />
        <div className={styles.actions}>
          <Skeleton width="8rem" height="2.75rem" />
          <Skeleton width="8rem" height="2.75rem" />
        </div>
        <Skeleton width="min(38rem, 85vw)" />
        <Skeleton width="min(36rem, 80vw)" />
        <Skeleton width="min(20rem, 60vw)" />
      </div>
    </div>
  );
}
