/** Where films are dropped or chosen. */

import { Protection } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { type DragEvent, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import styles from "./drop-zone.module.css";

export const FILM_TYPES = "video/*,.mkv,.mxf,.ts,.mts,.avi,.mpg";

export function DropZone({
  protection,
  onProtection,
  onFiles,
}: {
  readonly protection: Protection;
  readonly onProtection: (protection: Protection) => void;
  readonly onFiles: (files: FileList) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length > 0) onFiles(event.dataTransfer.files);
  };
  return (
    <section
      className={styles.zone}
      data-over={over}
      data-testid="drop-zone"
      aria-label="Upload films"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Icon name="upload" />
      <p className={styles.lead}>Drop film files here</p>
      <p className={styles.note}>
        Any size. An upload goes on where it stopped, also after a reload: drop the same file again.
      </p>
      <div className={styles.row}>
        <Button kind="primary" onClick={() => input.current?.click()}>
          Choose files
        </Button>
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={protection === Protection.CBCS}
            onChange={(event) => onProtection(event.target.checked ? Protection.CBCS : Protection.CLEAR)}
          />
          Encrypt
        </label>
      </div>
      <input
        ref={input}
        type="file"
        className="visually-hidden"
        data-testid="file-input"
        aria-label="Film files"
        tabIndex={-1}
        multiple
        accept={FILM_TYPES}
        onChange={(event) => {
          if (event.target.files !== null && event.target.files.length > 0) onFiles(event.target.files);
          // The same file may be chosen again.
          event.target.value = "";
        }}
      />
    </section>
  );
}
