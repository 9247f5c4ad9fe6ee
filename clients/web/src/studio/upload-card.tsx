/** A file on its way in that the service does not know yet. */

import { useApp } from "../app-context.ts";
import styles from "./studio.module.css";
import { UploadActions, UploadProgress, uploadWords } from "./upload-progress.tsx";
import { type QueuedUpload, queueOf } from "./upload-queue.ts";

export function UploadCard({ upload }: { readonly upload: QueuedUpload }) {
  const queue = queueOf(useApp());
  const isActive = upload.state === "running" || upload.state === "waiting";
  return (
    <li className={styles.card}>
      <div className={styles.head}>
        <span className={styles.name} dir="auto">
          {upload.fileName}
        </span>
        <span className={styles.state} data-tone={upload.state === "failed" ? "bad" : isActive ? "busy" : undefined}>
          {uploadWords(upload)}
        </span>
        <div className={styles.actions}>
          <UploadActions
            upload={upload}
            onStop={() => queue.stop(upload.id)}
            onResume={() => queue.resume(upload.id)}
            onDiscard={() => void queue.discard(upload.id)}
          />
        </div>
      </div>
      <UploadProgress upload={upload} />
    </li>
  );
}
