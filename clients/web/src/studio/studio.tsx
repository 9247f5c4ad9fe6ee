/** The studio: hand films in, see what becomes of them, and make titles of them. */

import { toMatineeError } from "@matinee/sdk/errors";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import type { Film } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { ListFilmsRequest_Group as Group } from "@matinee/sdk/gen/matinee/catalog/v1/film_service_pb";
import { Protection } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import page from "../pages/page.module.css";
import { Button, LinkButton } from "../ui/button.tsx";
import { Failure, Notice, sentence } from "../ui/notice.tsx";
import { Loading, Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../use-title.ts";
import { counted } from "../words.ts";
import { DropZone } from "./drop-zone.tsx";
import { FilmCard } from "./film-card.tsx";
import { type FilmFilter, useFilms } from "./films.ts";
import { useJobs } from "./jobs.ts";
import { filmName } from "./stage.ts";
import styles from "./studio.module.css";
import { UploadCard } from "./upload-card.tsx";
import { queueOf } from "./upload-queue.ts";

/** Typing is not searching: the service is asked when the hand rests. */
const TYPING_MS = 250;

const GROUPS = [
  { id: "", group: Group.UNSPECIFIED, text: "All" },
  { id: "working", group: Group.IN_PROGRESS, text: "In the works" },
  { id: "failed", group: Group.FAILED, text: "Failed" },
  { id: "untitled", group: Group.UNTITLED, text: "Without a title" },
  { id: "drafts", group: Group.DRAFT, text: "Drafts" },
  { id: "published", group: Group.PUBLISHED, text: "Published" },
] as const;

export function StudioPage() {
  useTitle("Studio");
  const app = useApp();
  const queue = queueOf(app);
  const uploads = useSyncExternalStore(queue.subscribe, queue.uploads);
  const [protection, setProtection] = useState<Protection>(Protection.CBCS);
  return (
    <div className={page.page}>
      <div className={styles.top}>
        <h1>Studio</h1>
        <LinkButton href="/studio/title/new" icon="plus">
          New title
        </LinkButton>
      </div>
      <DropZone
        protection={protection}
        onProtection={setProtection}
        onFiles={(files) => queue.add(files, protection)}
      />
      <Films uploads={uploads} />
    </div>
  );
}

/** Said once: a reload says nothing. What else is kept in the entry of the history stays. */
function forgetLeft(): void {
  const { deleted, ...rest } = (history.state ?? {}) as Left;
  if (deleted !== undefined) history.replaceState(rest, "");
}

/** What another page left to be said here: a title that was deleted, which can be brought back. */
interface Left {
  readonly deleted?: { readonly name: string; readonly displayTitle: string };
}

function DeletedTitle({ onBack }: { readonly onBack: () => void }) {
  const { platform } = useApp();
  const [left, setLeft] = useState((history.state as Left | null)?.deleted);
  const [said, setSaid] = useState("");
  useEffect(forgetLeft, []);
  const bringBack = async () => {
    if (left === undefined) return;
    try {
      await platform.client(CatalogService).undeleteTitle({ name: left.name });
      setSaid(`“${left.displayTitle}” is back, as a draft.`);
      setLeft(undefined);
      onBack();
    } catch (cause) {
      setSaid(sentence(toMatineeError(cause).message));
    }
  };
  const focusOn = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, on arrival: the page that was left had the focus
  useEffect(() => {
    if (left !== undefined) focusOn.current?.focus();
  }, []);
  if (left === undefined && said === "") return null;
  return (
    <div ref={focusOn} className={styles.left} role="status" tabIndex={-1} data-testid="deleted-title">
      <span>{said || `“${left?.displayTitle}” is deleted.`}</span>
      {left !== undefined && (
        <Button icon="retry" onClick={() => void bringBack()}>
          Bring it back
        </Button>
      )}
    </div>
  );
}

function Films({ uploads }: { readonly uploads: ReturnType<ReturnType<typeof queueOf>["uploads"]> }) {
  const parameters = new URLSearchParams(useSearch());
  const shown = GROUPS.find(({ id }) => id === (parameters.get("show") ?? "")) ?? GROUPS[0];
  const filter: FilmFilter = { group: shown.group, query: parameters.get("q") ?? "" };
  const list = useFilms(filter);
  const jobs = useJobs((list.films ?? []).flatMap(({ job }) => (job === undefined ? [] : [job])));
  const heading = useRef<HTMLHeadingElement>(null);
  const [said, setSaid] = useState("");
  const isFiltered = filter.group !== Group.UNSPECIFIED || filter.query !== "";

  const films = list.films ?? [];
  const known = new Set(films.flatMap(({ asset }) => (asset === undefined ? [] : [asset.name])));
  const loose = uploads.filter(({ asset, state }) => state !== "done" && (asset === undefined || !known.has(asset)));
  const onGone = (film: Film) => {
    setSaid(`“${filmName(film)}” is deleted.`);
    // The button that was pressed goes with its card.
    heading.current?.focus();
    list.reload();
  };
  const more = async () => {
    await list.more().catch(() => setSaid("No more films could be loaded. Try it once more."));
  };

  return (
    <section className={styles.section} aria-labelledby="films-heading">
      <div className={styles.bar}>
        <h2 id="films-heading" ref={heading} tabIndex={-1}>
          Films
        </h2>
        <nav className={styles.groups} aria-label="Show">
          {GROUPS.map(({ id, text }) => (
            <Link
              key={id}
              href={addressOf(id, filter.query)}
              className={styles.group}
              aria-current={id === shown.id ? "page" : undefined}
              data-testid={`show-${id || "all"}`}
            >
              {text}
            </Link>
          ))}
        </nav>
        <SearchField group={shown.id} query={filter.query} />
      </div>
      <DeletedTitle onBack={list.reload} />
      <p className={styles.count} role="status" data-testid="films-count">
        {said || (list.films !== undefined && `${counted(films.length, "film")}${list.hasMore ? ", more below" : ""}`)}
      </p>
      {list.error !== undefined && list.films === undefined && <Failure error={list.error} onRetry={list.reload} />}
      {list.films === undefined && list.error === undefined && <StudioSkeleton />}
      {list.films !== undefined && films.length === 0 && loose.length === 0 && (
        <Notice icon={isFiltered ? "search" : "upload"} title={isFiltered ? "No such films" : "No films yet"}>
          {isFiltered ? (
            <LinkButton href="/studio">Show all</LinkButton>
          ) : (
            <p>Drop the first file above. It is checked, transcoded, encrypted, and ready to publish in minutes.</p>
          )}
        </Notice>
      )}
      <ul className={styles.list} data-testid="films">
        {loose.map((upload) => (
          <UploadCard key={upload.id} upload={upload} />
        ))}
        {films.map((film) => (
          <FilmCard
            key={film.name}
            film={film}
            job={film.job && jobs.newest(film.job)}
            upload={uploads.find(({ asset }) => asset !== undefined && asset === film.asset?.name)}
            onJob={jobs.put}
            onGone={onGone}
          />
        ))}
      </ul>
      {list.hasMore && (
        <div className={styles.more}>
          <Button aria-disabled={list.isLoadingMore} data-testid="more-films" onClick={() => void more()}>
            {list.isLoadingMore ? "Loading" : "Show more"}
          </Button>
        </div>
      )}
    </section>
  );
}

function SearchField({ group, query }: { readonly group: string; readonly query: string }) {
  const [, navigate] = useLocation();
  const [text, setText] = useState(query);
  const latest = useRef({ group, query, navigate });
  latest.current = { group, query, navigate };
  const asked = useRef(query);
  useEffect(() => {
    const timer = setTimeout(() => {
      const now = latest.current;
      if (text.trim() === now.query) return;
      asked.current = text.trim();
      now.navigate(addressOf(now.group, text.trim()), { replace: true });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    // Somebody else changed the address: a link, or the way back.
    if (query !== asked.current) setText(query);
    asked.current = query;
  }, [query]);
  return (
    <input
      type="search"
      className={styles.search}
      aria-label="Search films by name"
      placeholder="Search by name or file"
      maxLength={200}
      dir="auto"
      value={text}
      data-testid="search-films"
      onChange={(event) => setText(event.target.value)}
    />
  );
}

function addressOf(group: string, query: string): string {
  const parameters = new URLSearchParams({ ...(group !== "" && { show: group }), ...(query !== "" && { q: query }) });
  const text = parameters.toString();
  return text === "" ? "/studio" : `/studio?${text}`;
}

function StudioSkeleton() {
  return (
    <>
      <Loading what="the studio" />
      <ul className={styles.list}>
        {["a", "b", "c"].map((id) => (
          <li key={id} className={styles.card}>
            <Skeleton width="40%" height="1.3rem" />
            <Skeleton width="65%" />
            <Skeleton height="0.4rem" />
          </li>
        ))}
      </ul>
    </>
  );
}
