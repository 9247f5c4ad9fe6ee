/** One film: where it is on its way, how fast, what failed and why, and what to do with it. */

import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { type Film, Film_Stage } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { PackagerService } from "@matinee/sdk/gen/matinee/packager/v1/packager_service_pb";
import { type Job, Job_State } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "@matinee/sdk/gen/matinee/transcode/v1/transcode_service_pb";
import { hasEnded } from "@matinee/sdk/jobs";
import { toDate } from "@matinee/sdk/time";
import { useState } from "react";
import { useApp } from "../app-context.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Icon } from "../ui/icon.tsx";
import { sentence } from "../ui/notice.tsx";
import { smallestOf } from "../ui/still.tsx";
import { day, idOf } from "../words.ts";
import { FilmFacts, JobProgress, Renditions } from "./film-facts.tsx";
import { filmName, isPublished, stageWords } from "./stage.ts";
import styles from "./studio.module.css";
import { TitleState } from "./title-state.tsx";
import { GoOnButton, UnfinishedNote } from "./unfinished.tsx";
import { UploadActions, UploadProgress, uploadWords } from "./upload-progress.tsx";
import { type QueuedUpload, queueOf, type UnfinishedUpload } from "./upload-queue.ts";

type Asked = "delete" | "discard" | undefined;

export function FilmCard({
  film,
  job,
  upload: queued,
  onJob,
  onGone,
}: {
  readonly film: Film;
  /** As new as the film's own, or newer. */
  readonly job: Job | undefined;
  /** Where this page is sending the file. */
  readonly upload: QueuedUpload | undefined;
  readonly onJob: (job: Job) => void;
  readonly onGone: (film: Film) => void;
}) {
  const app = useApp();
  const { platform } = app;
  const queue = queueOf(app);
  const [error, setError] = useState<MatineeError>();
  const [wrongFile, setWrongFile] = useState("");
  const [asked, setAsked] = useState<Asked>();
  const [isBusy, setBusy] = useState(false);
  const { asset, title } = film;
  const upload = queued?.state === "done" ? undefined : queued;
  const name = filmName(film);
  const words = stageWords(film, job);
  const shown = film.stage === Film_Stage.UPLOADING ? queued : upload;
  const text = shown === undefined ? words.text : uploadWords(shown);
  const tone = shown === undefined ? words.tone : shown.state === "failed" ? "bad" : "busy";

  /** One thing at a time; says what went wrong beside the button. */
  const act = async (work: () => Promise<unknown>) => {
    if (isBusy) return;
    setBusy(true);
    setError(undefined);
    try {
      await work();
    } catch (cause) {
      setError(toMatineeError(cause));
    } finally {
      setBusy(false);
    }
  };
  const change = (method: "retryJob" | "cancelJob") =>
    act(async () => {
      const answer = await platform.client(TranscodeService)[method]({ name: job?.name ?? "" });
      if (answer.job !== undefined) onJob(answer.job);
    });
  const unfinished: UnfinishedUpload | undefined =
    // What was sent a moment ago is not unfinished, though the list may not know yet.
    film.upload === undefined || asset === undefined || queued?.state === "done"
      ? undefined
      : {
          name: film.upload.name,
          fileName: film.upload.fileName,
          sizeBytes: Number(film.upload.sizeBytes),
          protection: asset.protection,
        };
  const isRunning = job !== undefined && !hasEnded(job);
  const isStopped = job?.state === Job_State.FAILED || job?.state === Job_State.CANCELED;
  const hasFailedPackage = film.stage === Film_Stage.PACKAGE_FAILED;
  const picture = smallestOf(film.artworks[0]);

  return (
    <li
      className={`${styles.card} ${styles.film}`}
      data-testid="film"
      data-file={asset?.fileName}
      data-asset={asset?.name}
      data-state={text.toLowerCase()}
    >
      <div className={styles.still}>
        {picture === undefined ? <Icon name="film" /> : <img src={picture} alt="" loading="lazy" decoding="async" />}
      </div>
      <div className={styles.body}>
        <div className={styles.head}>
          <h3 className={styles.name} dir="auto">
            {name}
          </h3>
          {title !== undefined && <TitleState title={title} />}
          {(title === undefined || film.stage !== Film_Stage.READY) && (
            <span className={styles.state} data-tone={tone} data-testid="film-state">
              {text}
            </span>
          )}
          <div className={styles.actions}>
            {upload !== undefined && (
              <UploadActions
                upload={upload}
                onStop={() => queue.stop(upload.id)}
                onResume={() => queue.resume(upload.id)}
                onDiscard={() => setAsked("discard")}
              />
            )}
            {upload === undefined && unfinished !== undefined && (
              <>
                <GoOnButton upload={unfinished} onWrongFile={setWrongFile} />
                <Button kind="quiet" onClick={() => setAsked("discard")}>
                  Discard
                </Button>
              </>
            )}
            {isStopped && (
              <Button icon="retry" data-testid="retry-job" onClick={() => void change("retryJob")}>
                Retry
              </Button>
            )}
            {hasFailedPackage && (
              <>
                <Button
                  icon="retry"
                  data-testid="retry-package"
                  onClick={() =>
                    void act(() => platform.client(PackagerService).retryPackage({ name: film.package?.name ?? "" }))
                  }
                >
                  Package again
                </Button>
                {!isRunning && job !== undefined && (
                  <Button onClick={() => void change("retryJob")}>Transcode again</Button>
                )}
              </>
            )}
            {isRunning && (
              <Button data-testid="cancel-job" onClick={() => void change("cancelJob")}>
                Cancel
              </Button>
            )}
            <TitleLink film={film} />
            {asset !== undefined && upload === undefined && unfinished === undefined && (
              <Button kind="quiet" data-testid="delete-film" onClick={() => setAsked("delete")}>
                Delete
              </Button>
            )}
          </div>
        </div>
        <FilmFacts film={film} />
        {upload !== undefined && <UploadProgress upload={upload} />}
        {upload === undefined && unfinished !== undefined && (
          <UnfinishedNote upload={unfinished} expires={day(toDate(film.upload?.expireTime))} />
        )}
        {wrongFile !== "" && (
          <p className={styles.trouble} role="alert">
            {wrongFile}
          </p>
        )}
        {isRunning && <JobProgress job={job} />}
        {job !== undefined && film.stage !== Film_Stage.READY && <Renditions job={job} />}
        <Trouble film={film} job={job} />
        {error !== undefined && (
          <p className={styles.trouble} role="alert">
            {sentence(error.message)}
          </p>
        )}
      </div>
      {asked === "delete" && (
        <Confirm
          question={`Delete the film of “${name}”?`}
          yes="Delete for good"
          onNo={() => setAsked(undefined)}
          onYes={() => {
            setAsked(undefined);
            void act(async () => {
              await platform.client(IngestionService).deleteAsset({
                name: asset?.name ?? "",
                etag: asset?.etag ?? "",
                // It was said above what that means.
                isForced: isPublished(film),
              });
              onGone(film);
            });
          }}
        >
          <p>The original and everything made of it are removed. This cannot be undone.</p>
          {title !== undefined && (
            <p>
              {isPublished(film)
                ? "It is in the catalogue: whoever watches it is stopped. Its title stays, without a film."
                : "Its title stays, without a film."}
            </p>
          )}
        </Confirm>
      )}
      {asked === "discard" && (
        <Confirm
          question={`Discard the upload of “${upload?.fileName ?? unfinished?.fileName}”?`}
          yes="Discard"
          onNo={() => setAsked(undefined)}
          onYes={() => {
            setAsked(undefined);
            void act(async () => {
              if (upload !== undefined) await queue.discard(upload.id);
              else if (unfinished !== undefined) await queue.discardUnfinished(unfinished);
              onGone(film);
            });
          }}
        >
          <p>What has arrived of it is removed.</p>
        </Confirm>
      )}
    </li>
  );
}

function TitleLink({ film }: { readonly film: Film }) {
  const { asset, title, stage } = film;
  if (title !== undefined) {
    return (
      <LinkButton href={`/studio/title/${idOf(title.name)}`} data-testid="edit-details">
        {isPublished(film) ? "Edit title" : "Edit and publish"}
      </LinkButton>
    );
  }
  if (asset === undefined || stage === Film_Stage.UPLOADING || stage === Film_Stage.REJECTED) return null;
  return (
    <LinkButton
      href={`/studio/title/new?asset=${idOf(asset.name)}`}
      kind={film.isPlayable ? "primary" : "secondary"}
      data-testid="add-details"
    >
      Add title details
    </LinkButton>
  );
}

/** What failed or waits, and why. */
function Trouble({ film, job }: { readonly film: Film; readonly job: Job | undefined }) {
  const waiting = job?.waiting ?? (film.stage === Film_Stage.WAITING ? film : undefined);
  if (waiting !== undefined) {
    return <p className={styles.waiting}>{sentence(waiting.message)} It goes on by itself.</p>;
  }
  if (film.stage === Film_Stage.NO_FILE) {
    return <p className={styles.facts}>Choose a film for it under “Edit and publish”.</p>;
  }
  if (film.stage === Film_Stage.UNSPECIFIED) {
    return <p className={styles.facts}>The studio was not told about its film yet, or the film is gone.</p>;
  }
  if (film.message === "") return null;
  const log = film.stage === Film_Stage.TRANSCODE_FAILED ? (job?.failure?.logTail ?? "") : "";
  return (
    <div data-testid="film-failure">
      <p className={styles.trouble}>
        {sentence(film.message)} ({film.reason})
      </p>
      {log !== "" && (
        <details className={styles.log}>
          <summary>What FFmpeg said last</summary>
          <pre>{log}</pre>
        </details>
      )}
    </div>
  );
}
