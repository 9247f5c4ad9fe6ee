/** A file on its way in, or one that waits to go on. */

import { useId } from "react";
import { Button } from "../ui/button.tsx";
import { sentence } from "../ui/notice.tsx";
import { byteSize, runtime } from "../words.ts";
import { Bar } from "./bar.tsx";
import { FILM_TYPES } from "./drop-zone.tsx";
import styles from "./studio.module.css";
import type { InterruptedUpload, QueuedUpload } from "./upload-queue.ts";

export function UploadCard({
  upload,
  onStop,
  onResume,
  onDiscard,
}: {
  readonly upload: QueuedUpload;
  readonly onStop: () => void;
  readonly onResume: () => void;
  readonly onDiscard: () => void;
}) {
  const { progress, state } = upload;
  const percent = progress === undefined ? 0 : (progress.sentBytes / Math.max(1, progress.totalBytes)) * 100;
  const isActive = state === "running" || state === "waiting";
  return (
    <li className={styles.card} data-testid="upload" data-state={state} data-file={upload.fileName}>
      <div className={styles.head}>
        <span className={styles.name}>{upload.fileName}</span>
        <span className={styles.state} data-tone={state === "failed" ? "bad" : isActive ? "busy" : undefined}>
          {stateText(upload)}
        </span>
        <div className={styles.actions}>
          {isActive && progress?.phase !== "completing" && <Button onClick={onStop}>Pause</Button>}
          {(state === "stopped" || state === "failed") && (
            <Button icon="retry" onClick={onResume}>
              Go on
            </Button>
          )}
          {state !== "done" && progress?.phase !== "completing" && (
            <Button kind="danger" onClick={onDiscard}>
              Discard
            </Button>
          )}
        </div>
      </div>
      <Bar label={`Upload of ${upload.fileName}`} percent={percent} />
      <p className={styles.facts}>
        <span>{Math.floor(percent)} %</span>
        <span>
          {byteSize(progress?.sentBytes ?? 0)} of {byteSize(upload.sizeBytes)}
        </span>
        {progress !== undefined && progress.bytesPerSecond > 0 && state === "running" && (
          <>
            <span>{byteSize(progress.bytesPerSecond)}/s</span>
            <span>{runtime((progress.totalBytes - progress.sentBytes) / progress.bytesPerSecond)} left</span>
          </>
        )}
        {(progress?.resumedBytes ?? 0) > 0 && (
          <span data-testid="resumed">{byteSize(progress?.resumedBytes ?? 0)} were there already</span>
        )}
      </p>
      {progress?.trouble !== undefined && state === "running" && (
        <p className={styles.trouble}>{sentence(progress.trouble)} Trying again.</p>
      )}
      {upload.error !== undefined && (
        <p className={styles.trouble} role="alert">
          {sentence(upload.error.message)} ({upload.error.reason})
        </p>
      )}
    </li>
  );
}

export function InterruptedCard({
  upload,
  onFiles,
  onForget,
}: {
  readonly upload: InterruptedUpload;
  readonly onFiles: (files: FileList) => void;
  readonly onForget: () => void;
}) {
  const id = useId();
  return (
    <li className={styles.card} data-testid="interrupted-upload">
      <div className={styles.head}>
        <span className={styles.name}>{upload.fileName}</span>
        <span className={styles.state}>Interrupted</span>
        <div className={styles.actions}>
          <Button icon="upload" onClick={() => document.getElementById(id)?.click()}>
            Choose it again
          </Button>
          <Button kind="quiet" onClick={onForget}>
            Forget
          </Button>
        </div>
      </div>
      <p className={styles.facts}>
        {byteSize(upload.sizeBytes)}. Choose the same file, or drop it above, and the upload goes on where it stopped.
      </p>
      <input
        id={id}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        aria-label={`The file ${upload.fileName}`}
        accept={FILM_TYPES}
        onChange={(event) => event.target.files !== null && onFiles(event.target.files)}
      />
    </li>
  );
}

function stateText({ state, progress }: QueuedUpload): string {
  switch (state) {
    case "waiting":
      return "Waiting";
    case "stopped":
      return "Paused";
    case "failed":
      return "Stopped";
    case "done":
      return "Uploaded";
    case "running":
      if (progress?.phase === "completing") return "Verifying";
      return progress?.phase === "uploading" ? "Uploading" : "Reading";
  }
}
