/** What is known of a film's file, and how far its transcoding is. */

import { nowMs } from "@matinee/sdk/clock";
import type { Film } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { Protection, TrackKind } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { type Job, type Rendition, Rendition_State } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { toDate, toSeconds } from "@matinee/sdk/time";
import type { CSSProperties } from "react";
import { Icon } from "../ui/icon.tsx";
import { ago, byteSize, clock, counted, runtime } from "../words.ts";
import { Bar } from "./bar.tsx";
import styles from "./studio.module.css";

export function FilmFacts({ film: { asset, title, updateTime } }: { readonly film: Film }) {
  const video = asset?.media?.video;
  const seconds = toSeconds(asset?.media?.duration);
  const rate = video?.frameRate;
  const fps = rate === undefined ? 0 : Number(rate.numerator) / Number(rate.denominator);
  const [sounds, captions] = [asset?.media?.audio.length ?? 0, asset?.media?.text.length ?? 0];
  return (
    <p className={styles.facts}>
      {title !== undefined && asset !== undefined && (
        <span className={styles.file} dir="auto">
          {asset.fileName}
        </span>
      )}
      {asset !== undefined && <span>{byteSize(Number(asset.sizeBytes))}</span>}
      {seconds > 0 && <span>{clock(seconds)}</span>}
      {video !== undefined && (
        <span>
          {video.displayWidth}×{video.displayHeight}, {Number(fps.toFixed(3))} fps
        </span>
      )}
      {sounds > 0 && <span>{counted(sounds, "sound track")}</span>}
      {captions > 0 && <span>{counted(captions, "caption track")}</span>}
      {asset !== undefined && <span>{asset.protection === Protection.CLEAR ? "Not encrypted" : "Encrypted"}</span>}
      {title?.state === Title_State.PUBLISHED && <span>{counted(Number(title.viewCount), "view")}</span>}
      <span>Changed {ago(toDate(updateTime), nowMs())}</span>
    </p>
  );
}

export function JobProgress({ job }: { readonly job: Job }) {
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

export function Renditions({ job }: { readonly job: Job }) {
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
