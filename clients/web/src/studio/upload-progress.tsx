/** How far a file on its way in is, and what can be done about it. */

import { Button } from "../ui/button.tsx";
import { sentence } from "../ui/notice.tsx";
import { byteSize, runtime } from "../words.ts";
import { Bar } from "./bar.tsx";
import styles from "./studio.module.css";
import type { QueuedUpload } from "./upload-queue.ts";

export function UploadActions({
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
  const isCompleting = progress?.phase === "completing";
  const isActive = state === "running" || state === "waiting";
  return (
    <>
      {isActive && !isCompleting && <Button onClick={onStop}>Pause</Button>}
      {(state === "stopped" || state === "failed") && (
        <Button icon="retry" onClick={onResume}>
          Go on
        </Button>
      )}
      {state !== "done" && !isCompleting && (
        <Button kind="danger" onClick={onDiscard}>
          Discard
        </Button>
      )}
    </>
  );
}

export function UploadProgress({ upload }: { readonly upload: QueuedUpload }) {
  const { progress, state } = upload;
  const percent = progress === undefined ? 0 : (progress.sentBytes / Math.max(1, progress.totalBytes)) * 100;
  return (
    <div className={styles.upload} data-testid="upload" data-state={state} data-file={upload.fileName}>
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
    </div>
  );
}

export function uploadWords({ state, progress }: QueuedUpload): string {
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
