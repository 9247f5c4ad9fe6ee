/** The studio: hand films in, see what becomes of them, and make titles of them. */

import { Protection } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useApp, useSession } from "../app-context.ts";
import page from "../pages/page.module.css";
import { useQuery } from "../query.ts";
import { LinkButton } from "../ui/button.tsx";
import { Failure, Notice } from "../ui/notice.tsx";
import { Loading, Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../use-title.ts";
import { DropZone } from "./drop-zone.tsx";
import { FilmCard } from "./film-card.tsx";
import { isMoving, loadStudio } from "./films.ts";
import styles from "./studio.module.css";
import { TitleList } from "./title-list.tsx";
import { InterruptedCard, UploadCard } from "./upload-card.tsx";
import { queueOf } from "./upload-queue.ts";

/** Jobs come over the stream; what stands before and after them is asked for. */
const LOOK_AGAIN_MS = 2_000;

export function StudioPage() {
  useTitle("Studio");
  const app = useApp();
  const session = useSession();
  const queue = queueOf(app);
  const uploads = useSyncExternalStore(queue.subscribe, queue.uploads);
  const interrupted = useSyncExternalStore(queue.subscribe, queue.interrupted);
  const jobs = useSyncExternalStore(app.live.subscribe, app.live.jobs);
  const [protection, setProtection] = useState<Protection>(Protection.CBCS);
  const studio = useQuery("studio", (signal) => loadStudio(app.platform, signal));
  useEffect(() => app.live.followJobs(), [app.live]);

  const films = (studio.data?.films ?? []).map((film) => {
    const told = film.job === undefined ? undefined : jobs.get(film.job.name);
    return told === undefined ? film : { ...film, job: told };
  });
  const hasNews = films.some(isMoving) || uploads.some(({ state }) => state === "running");
  const reload = useRef(studio.reload);
  reload.current = studio.reload;
  useEffect(() => {
    if (!hasNews) return;
    const timer = setInterval(() => reload.current(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [hasNews]);
  const done = uploads.filter(({ state }) => state === "done").length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a finished upload is a new film
  useEffect(() => reload.current(), [done]);

  if (session?.isOperator !== true) {
    return (
      <div className={page.page}>
        <Notice level={1} title="The studio is for operators">
          <p>Sign in with the operator’s account to hand films in.</p>
          <LinkButton href="/" kind="primary">
            Go home
          </LinkButton>
        </Notice>
      </div>
    );
  }
  const known = new Set(films.map(({ asset }) => asset.name));
  const ownUploads = uploads.filter(({ asset }) => asset === undefined || !known.has(asset));
  // What this page is uploading has a card of its own.
  const running = new Set(ownUploads.map(({ fileName, sizeBytes }) => `${fileName}|${sizeBytes}`));
  const shownFilms = films.filter(
    ({ asset }) => !(asset.state === 1 && running.has(`${asset.fileName}|${asset.sizeBytes}`)),
  );

  return (
    <div className={page.page}>
      <h1>Studio</h1>
      <DropZone
        protection={protection}
        onProtection={setProtection}
        onFiles={(files) => queue.add(files, protection)}
      />
      {interrupted.length > 0 && (
        <ul className={styles.list} data-testid="interrupted-uploads">
          {interrupted.map((upload) => (
            <InterruptedCard
              key={upload.key}
              upload={upload}
              onFiles={(files) => queue.add(files, upload.key.endsWith("|clear") ? Protection.CLEAR : Protection.CBCS)}
              onForget={() => void queue.forget(upload.key)}
            />
          ))}
        </ul>
      )}
      <section className={styles.section} aria-labelledby="films-heading">
        <h2 id="films-heading">Films</h2>
        {studio.error !== undefined && studio.data === undefined && (
          <Failure error={studio.error} onRetry={studio.reload} />
        )}
        {studio.data === undefined && studio.error === undefined && <StudioSkeleton />}
        {studio.data !== undefined && shownFilms.length === 0 && ownUploads.length === 0 && (
          <Notice icon="upload" title="No films yet">
            <p>Drop the first file above. It is checked, transcoded, encrypted, and ready to publish in minutes.</p>
          </Notice>
        )}
        <ul className={styles.list} data-testid="films">
          {ownUploads.map((upload) => (
            <UploadCard
              key={upload.id}
              upload={upload}
              onStop={() => queue.stop(upload.id)}
              onResume={() => queue.resume(upload.id)}
              onDiscard={() => void queue.discard(upload.id)}
            />
          ))}
          {shownFilms.map((film) => (
            <FilmCard key={film.asset.name} film={film} onChanged={studio.reload} />
          ))}
        </ul>
      </section>
      {studio.data !== undefined && <TitleList titles={studio.data.titles} />}
    </div>
  );
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
