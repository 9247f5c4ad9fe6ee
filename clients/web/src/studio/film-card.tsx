/** One film: where it is on its way, how fast, what failed and why, and what to do with it. */

import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { Protection, TrackKind } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { Asset_State } from "@matinee/sdk/gen/matinee/ingestion/v1/asset_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { Package_State } from "@matinee/sdk/gen/matinee/packager/v1/package_pb";
import { PackagerService } from "@matinee/sdk/gen/matinee/packager/v1/packager_service_pb";
import { type Job, Job_State, type Rendition, Rendition_State } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "@matinee/sdk/gen/matinee/transcode/v1/transcode_service_pb";
import { hasEnded } from "@matinee/sdk/jobs";
import { toSeconds } from "@matinee/sdk/time";
import { type CSSProperties, useState } from "react";
import { useApp } from "../app-context.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { sentence } from "../ui/notice.tsx";
import { Still } from "../ui/still.tsx";
import { byteSize, clock, idOf, runtime } from "../words.ts";
import { Bar } from "./bar.tsx";
import type { Film } from "./films.ts";
import styles from "./studio.module.css";

type Tone = "busy" | "good" | "bad" | undefined;

export function FilmCard({ film, onChanged }: { readonly film: Film; readonly onChanged: () => void }) {
  const { platform, live } = useApp();
  const [error, setError] = useState<MatineeError>();
  const [isSure, setSure] = useState(false);
  const { asset, job, title } = film;
  const [text, tone] = stateOf(film);
  const act = async (work: () => Promise<{ readonly job?: Job | undefined } | object>) => {
    setError(undefined);
    try {
      const answer = await work();
      if ("job" in answer && answer.job !== undefined) live.setJob(answer.job);
      onChanged();
    } catch (cause) {
      setError(toMatineeError(cause));
    }
  };
  const isRunning = job !== undefined && !hasEnded(job);
  const isStopped = job?.state === Job_State.FAILED || job?.state === Job_State.CANCELED;
  return (
    <li
      className={`${styles.card} ${styles.film}`}
      data-testid="film"
      data-file={asset.fileName}
      data-asset={asset.name}
      data-state={text.toLowerCase()}
    >
      <div className={styles.still}>
        {title === undefined ? <Icon name="film" /> : <Still title={title} sizes="9rem" />}
      </div>
      <div className={styles.body}>
        <div className={styles.head}>
          <span className={styles.name}>{title?.displayTitle ?? asset.fileName}</span>
          <span className={styles.state} data-tone={tone} data-testid="film-state">
            {text}
          </span>
          <div className={styles.actions}>
            {isStopped && (
              <Button
                icon="retry"
                data-testid="retry-job"
                onClick={() => void act(() => platform.client(TranscodeService).retryJob({ name: job.name }))}
              >
                Retry
              </Button>
            )}
            {film.package?.state === Package_State.FAILED && (
              <Button
                icon="retry"
                onClick={() =>
                  void act(() =>
                    platform
                      .client(PackagerService)
                      .retryPackage({ name: film.package?.name ?? "", revision: film.package?.revision ?? 0 }),
                  )
                }
              >
                Package again
              </Button>
            )}
            {isRunning && (
              <Button
                kind="danger"
                data-testid="cancel-job"
                onClick={() => void act(() => platform.client(TranscodeService).cancelJob({ name: job.name }))}
              >
                Cancel
              </Button>
            )}
            {asset.state === Asset_State.READY &&
              (title === undefined ? (
                <LinkButton
                  href={`/studio/title/new?asset=${idOf(asset.name)}`}
                  kind={film.isPlayable ? "primary" : "secondary"}
                  data-testid="add-details"
                >
                  Add title details
                </LinkButton>
              ) : (
                <LinkButton href={`/studio/title/${idOf(title.name)}`} data-testid="edit-details">
                  {title.state === Title_State.PUBLISHED ? "Edit title" : "Edit and publish"}
                </LinkButton>
              ))}
            {!isRunning && asset.state !== Asset_State.UPLOADING && (
              <Button
                kind={isSure ? "danger" : "quiet"}
                onBlur={() => setSure(false)}
                onClick={() => {
                  if (!isSure) return setSure(true);
                  void act(() => platform.client(IngestionService).deleteAsset({ name: asset.name }));
                }}
              >
                {isSure ? "Delete for good?" : "Delete"}
              </Button>
            )}
          </div>
        </div>
        <Facts film={film} />
        {job !== undefined && isRunning && <JobProgress job={job} />}
        {job !== undefined && !(job.state === Job_State.SUCCEEDED && film.package?.isComplete === true) && (
          <Renditions job={job} />
        )}
        {asset.rejection !== undefined && (
          <p className={styles.trouble}>
            {sentence(asset.rejection.message)} ({asset.rejection.reason})
          </p>
        )}
        {job?.failure !== undefined && job.state === Job_State.FAILED && <JobFailure job={job} />}
        {film.package?.state === Package_State.FAILED && (
          <p className={styles.trouble}>
            {sentence(film.package.failureMessage)} ({film.package.failureReason})
          </p>
        )}
        {error !== undefined && (
          <p className={styles.trouble} role="alert">
            {sentence(error.message)}
          </p>
        )}
      </div>
    </li>
  );
}

function stateOf({ asset, job, package: revision, isPlayable, title }: Film): [string, Tone] {
  switch (asset.state) {
    case Asset_State.UPLOADING:
      return ["Upload unfinished", undefined];
    case Asset_State.INSPECTING:
      return ["Inspecting", "busy"];
    case Asset_State.REJECTED:
      return ["Refused", "bad"];
    case Asset_State.DELETED:
      return ["Deleted", undefined];
    default:
  }
  if (job === undefined) return ["Queued", "busy"];
  if (job.state === Job_State.FAILED) return ["Failed", "bad"];
  if (job.state === Job_State.CANCELED) return ["Cancelled", undefined];
  if (revision?.state === Package_State.FAILED) return ["Packaging failed", "bad"];
  if (job.state === Job_State.SUCCEEDED && revision?.isComplete === true && revision.state === Package_State.READY) {
    return [title?.state === Title_State.PUBLISHED ? "Published" : "Ready", "good"];
  }
  if (job.state === Job_State.SUCCEEDED) return ["Packaging", "busy"];
  if (isPlayable) return ["Playable, more to come", "busy"];
  return [job.state === Job_State.QUEUED ? "Queued" : "Transcoding", "busy"];
}

function Facts({ film: { asset, title } }: { readonly film: Film }) {
  const video = asset.media?.video;
  const seconds = toSeconds(asset.media?.duration);
  const rate = video?.frameRate;
  const fps = rate === undefined ? 0 : Number(rate.numerator) / Number(rate.denominator);
  return (
    <p className={styles.facts}>
      {title !== undefined && <span>{asset.fileName}</span>}
      <span>{byteSize(Number(asset.sizeBytes))}</span>
      {seconds > 0 && <span>{clock(seconds)}</span>}
      {video !== undefined && (
        <span>
          {video.displayWidth}×{video.displayHeight}, {Number(fps.toFixed(3))} fps
        </span>
      )}
      {(asset.media?.audio.length ?? 0) > 0 && <span>{asset.media?.audio.length} audio</span>}
      {(asset.media?.text.length ?? 0) > 0 && <span>{asset.media?.text.length} captions</span>}
      <span>{asset.protection === Protection.CLEAR ? "Not encrypted" : "Encrypted"}</span>
    </p>
  );
}

function JobProgress({ job }: { readonly job: Job }) {
  const { percent = 0, speed = 0, eta } = job.progress ?? {};
  return (
    <>
      <Bar label={`Transcoding of ${job.fileName}`} percent={percent} />
      <p className={styles.facts}>
        <span data-testid="job-percent">{Math.floor(percent)} %</span>
        {speed > 0 && <span>{speed.toFixed(1)}× speed</span>}
        {eta !== undefined && <span>{runtime(toSeconds(eta))} left</span>}
        {job.attempt > 1 && <span>Attempt {job.attempt}</span>}
      </p>
    </>
  );
}

function Renditions({ job }: { readonly job: Job }) {
  if (job.renditions.length === 0) return null;
  return (
    <ul className={styles.chips} aria-label="Renditions">
      {job.renditions.map((rendition) => (
        <li
          key={rendition.track?.id}
          className={styles.chip}
          data-testid="rendition"
          data-state={renditionState(rendition)}
          style={{ "--share": rendition.percent / 100 } as CSSProperties}
        >
          {rendition.track?.kind === TrackKind.AUDIO && <Icon name="audio" />}
          {rendition.track?.kind === TrackKind.TEXT && <Icon name="captions" />}
          {rendition.track?.label || rendition.track?.id}
          {rendition.state === Rendition_State.READY && <Icon name="check" />}
          {rendition.state === Rendition_State.RUNNING && <span>{Math.floor(rendition.percent)} %</span>}
          <span className="visually-hidden">{renditionState(rendition)}</span>
        </li>
      ))}
    </ul>
  );
}

function JobFailure({ job }: { readonly job: Job }) {
  return (
    <div data-testid="job-failure">
      <p className={styles.trouble}>
        {sentence(job.failure?.message ?? "")} ({job.failure?.reason})
      </p>
      {(job.failure?.logTail ?? "") !== "" && (
        <details className={styles.log}>
          <summary>What FFmpeg said last</summary>
          <pre>{job.failure?.logTail}</pre>
        </details>
      )}
    </div>
  );
}

function renditionState({ state }: Rendition): string {
  switch (state) {
    case Rendition_State.READY:
      return "ready";
    case Rendition_State.RUNNING:
      return "running";
    case Rendition_State.FAILED:
      return "failed";
    default:
      return "pending";
  }
}
